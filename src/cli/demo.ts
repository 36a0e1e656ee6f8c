import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { createLog } from '../observe/log.ts'
import { createClient, staticToken } from '../sdk/index.ts'
import { readConfig } from './config-options.ts'
import { tellStory } from './demo-story.ts'
import { wholeNumber } from './failures.ts'
import { listenForStop } from './signals.ts'
import type { Terminal } from './terminal.ts'

/** `novacast demo`: what novacast does, to watch. */
export function demoCommand(terminal: Terminal): Command {
  return new Command('demo')
    .summary('watch what novacast does, in a minute')
    .description('Starts a novacast of its own on a free port, tells what it does with events while it does it, and cleans up.')
    .addOption(new Option('--duration <seconds>', 'how long it takes').argParser(wholeNumber(0, 3600)).default(45))
    .addHelpText('after', '\nExample:\n  novacast demo --duration 90')
    .action((options: { readonly duration: number }) => demo(terminal, options.duration * 1000))
}

async function demo(terminal: Terminal, durationMs: number): Promise<void> {
  const stop = listenForStop(terminal)
  const dataDir = await mkdtemp(join(tmpdir(), 'novacast-demo-'))
  try {
    await withNovacast(dataDir, async (url) => {
      await terminal.write(`A novacast for this demonstration listens on ${url}.\n`)
      const client = createClient({ url, auth: staticToken('admin:admin') })
      try {
        await tellStory({ client, terminal, durationMs, signal: stop.signal })
      } finally {
        await client.close()
      }
    })
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    await rm(dataDir, { recursive: true, force: true })
    stop.dispose()
  }
}

async function withNovacast(dataDir: string, use: (url: string) => Promise<void>): Promise<void> {
  const { createService } = await import('../service.ts')
  // Nothing of the environment: the demonstration is the same everywhere.
  const config = await readConfig({ environment: {} }, { dataDir, port: '0' })
  const service = await createService({ config, log: createLog({ level: 'silent' }), journalIsFree: async () => {} })
  try {
    await use((await service.listen({ kind: 'address', ...config.listen })).url)
  } finally {
    await service.stop()
  }
}
