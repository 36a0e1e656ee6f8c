import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type Service, type Surroundings, startService } from '../service.ts'
import { isListening } from '../wait.ts'

export const PACKAGES = ['haproxy']

export interface HaproxyInfo {
  /** Scheme, host and port of its one frontend. */
  readonly url: string
}

const PREAMBLE = `defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
`

/** An HAProxy with these sections: one frontend, which is given its address here, and backends. */
export async function startHaproxy(stand: Surroundings, name: string, sections: string): Promise<Service<HaproxyInfo>> {
  const port = await stand.freePort()
  const folder = makeFolder(stand.root, name)
  const file = join(folder, 'haproxy.cfg')
  const bound = sections.replace(/^frontend .+$/m, (line) => `${line}\n    bind 127.0.0.1:${port}`)
  writeFileSync(file, `${PREAMBLE}\n${bound}\n`)
  return startService(stand, {
    info: { url: `http://127.0.0.1:${port}` },
    folder,
    program: { name, command: 'haproxy', args: ['-db', '-f', file] },
    isReady: async () => (await isListening(port)) || null,
  })
}
