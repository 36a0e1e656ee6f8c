import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { NovaInfo } from './services/nova.ts'
import type { Seed } from './services/seeder.ts'
import type { CorpusServer, Nova, SeededServer, SeedOptions } from './stand.ts'
import { waitFor } from './wait.ts'

const CORPUS: readonly CorpusServer[] = [
  ...([
    'a',
    'b',
    'unassigned',
    'migrating',
    'missing',
    'deleted',
    'softdeleted',
    'shelved',
    'cell0',
    'archived',
    'building',
  ] as const),
]

/** A Nova as suites see it. */
export function toNova(info: NovaInfo, seed: (seeds: readonly Seed[]) => Promise<SeededServer[]>): Nova {
  const logOf = (name: string): string => {
    const log = info.logs[name]
    if (log === undefined) throw new Error(`expected one of the logs ${Object.keys(info.logs).join(', ')}, got ${name}`)
    return log
  }
  return {
    ...info,
    seed: (count, options = {}) => seed(plain(count, options)),
    seedCorpus: async () => {
      const servers = await seed(CORPUS.map(toSeed))
      return Object.fromEntries(servers.map(({ name, uuid }) => [name, uuid])) as Record<CorpusServer, string>
    },
    logLength: (name) => statSync(logOf(name)).size,
    nextLog: (name, pattern, { since = 0, timeoutMs = 120_000 } = {}) =>
      waitFor(
        `a line like ${pattern} in ${logOf(name)}`,
        async () => (await readFrom(logOf(name), since)).split('\n').find((line) => pattern.test(line)) ?? null,
        timeoutMs,
      ),
  }
}

function plain(count: number, options: SeedOptions): Seed[] {
  const { cell = 'cell1', hosts = ['compute-1', 'compute-2'], rich = false, projectId = newProject() } = options
  return Array.from({ length: count }, (_, index) => {
    const host = hosts[index % hosts.length]
    if (host === undefined) throw new Error('expected at least one host')
    return { name: `server-${index}`, kind: 'active', cell, host, projectId, rich }
  })
}

function toSeed(name: CorpusServer): Seed {
  const kind = name === 'a' || name === 'b' ? 'active' : name
  return { name, kind, cell: 'cell1', host: name === 'b' ? 'compute-2' : 'compute-1', projectId: newProject(), rich: false }
}

/** The id of a project that is nobody's. */
const newProject = (): string => randomUUID().replaceAll('-', '')

async function readFrom(file: string, position: number): Promise<string> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(Math.max(0, size - position)), position })
    return buffer.subarray(0, bytesRead).toString()
  } finally {
    await handle.close()
  }
}
