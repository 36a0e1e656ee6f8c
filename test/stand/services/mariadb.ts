import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { makeFolder, type ServerCertificate, type Service, type Surroundings, startService } from '../service.ts'

export const PACKAGES = ['mariadb-server']

export interface DatabaseInfo {
  readonly kind: 'mariadb' | 'postgresql'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

const USER = 'stand'

/** What makes it quick: nothing is synced to disk. A killed server loses nothing by that, only a machine that loses power. */
const QUICK = ['--innodb-flush-method=nosync', '--innodb-flush-log-at-trx-commit=2', '--skip-log-bin', '--innodb-doublewrite=0']
const SMALL = ['--innodb-log-file-size=48M', '--innodb-buffer-pool-size=128M', '--performance-schema=0', '--max-connections=1000']

/** Empty data folders are copies of one, which is made when the first is asked for. */
export function createMariadbs(stand: Surroundings) {
  let template: Promise<string> | null = null
  return async (name: string, tls: ServerCertificate | null = null): Promise<Service<DatabaseInfo>> => {
    template ??= makeTemplate(stand)
    const folder = makeFolder(stand.root, name)
    cpSync(await template, join(folder, 'data'), { recursive: true })
    const init = join(folder, 'init.sql')
    // Not shared: a MariaDB that starts removes what it takes for left over there.
    const temporary = makeFolder(folder, 'tmp')
    writeFileSync(
      init,
      `create user if not exists ${USER}@'%' identified by '${USER}';\ngrant all on *.* to ${USER}@'%' with grant option;\n`,
    )
    const info = { kind: 'mariadb', host: '127.0.0.1', port: await stand.freePort(), user: USER, password: USER } as const
    return startService(stand, {
      info,
      folder,
      program: {
        name,
        command: 'mariadbd',
        args: [
          ...['--no-defaults', '--user=root', `--datadir=${join(folder, 'data')}`, `--socket=${join(folder, 'sock')}`],
          `--tmpdir=${temporary}`,
          ...[`--port=${info.port}`, '--bind-address=127.0.0.1', '--skip-name-resolve', `--init-file=${init}`],
          ...['--character-set-server=utf8mb4', ...QUICK, ...SMALL],
          ...(tls === null ? [] : [`--ssl-ca=${tls.ca}`, `--ssl-cert=${tls.cert}`, `--ssl-key=${tls.key}`]),
        ],
      },
      isReady: async () => {
        const { host, port, user, password } = info
        await (await createConnection({ host, port, user, password })).end()
        return true
      },
    })
  }
}

async function makeTemplate({ root, processes }: Surroundings): Promise<string> {
  const data = join(root, 'mariadb-empty')
  await processes.run({
    name: 'mariadb-install-db',
    command: 'mariadb-install-db',
    args: [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--user=root',
      ...QUICK,
      ...SMALL,
    ],
  })
  return data
}
