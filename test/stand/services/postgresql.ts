import { execFileSync } from 'node:child_process'
import { chownSync, copyFileSync, globSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { makeFolder, type ServerCertificate, type Service, type Surroundings, startService } from '../service.ts'
import type { DatabaseInfo } from './mariadb.ts'

export const PACKAGES = ['postgresql']

const USER = 'stand'

/** What makes it quick: nothing is synced to disk. A killed server loses nothing by that, only a machine that loses power. */
const QUICK = ['fsync=off', 'full_page_writes=off', 'max_connections=300']

/** A PostgreSQL, of Debian's version, run as the user postgres: it refuses to be root. */
export async function startPostgresql(
  stand: Surroundings,
  name: string,
  tls: ServerCertificate | null = null,
): Promise<Service<DatabaseInfo>> {
  const binaries = dirname(globSync('/usr/lib/postgresql/*/bin/postgres').sort().at(-1) ?? '')
  const user = postgresUser()
  const folder = makeFolder(stand.root, name)
  chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, USER)
  await stand.processes.run({
    name: `${name}-initdb`,
    command: join(binaries, 'initdb'),
    args: [
      ...['--no-sync', '--encoding=UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256', `--username=${USER}`],
      ...[`--pwfile=${passwordFile}`, data],
    ],
    user,
  })
  const info = { kind: 'postgresql', host: '127.0.0.1', port: await stand.freePort(), user: USER, password: USER } as const
  const settings = [...QUICK, `port=${info.port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`]
  if (tls !== null) settings.push('ssl=on', ...ownFiles(tls, folder, user))
  return startService(stand, {
    info,
    folder,
    program: {
      name,
      command: join(binaries, 'postgres'),
      args: ['-D', data, ...settings.flatMap((each) => ['-c', each])],
      user,
      // Fast: sessions are ended. SIGTERM waits until they go.
      stopSignal: 'SIGINT',
    },
    isReady: async () => {
      const { host, port, user, password } = info
      const client = new Client({ host, port, user, password, database: 'postgres' })
      await client.connect()
      await client.end()
      return true
    },
  })
}

/** Settings with copies of these files: it believes no key that is another user's. */
function ownFiles(tls: ServerCertificate, folder: string, { uid, gid }: { uid: number; gid: number }): string[] {
  return (['ca', 'cert', 'key'] as const).map((which) => {
    const copy = join(folder, `${which}.pem`)
    copyFileSync(tls[which], copy)
    chownSync(copy, uid, gid)
    return `ssl_${which}_file=${copy}`
  })
}

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
