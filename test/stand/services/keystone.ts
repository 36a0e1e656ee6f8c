import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { makeFolder, type Service, type Surroundings, startService } from '../service.ts'
import { wsgi } from '../wsgi.ts'

export const PACKAGES = ['keystone', 'uwsgi-core', 'uwsgi-plugin-python3', 'python3-keystoneclient', 'python3-pymysql']

export interface KeystoneInfo {
  readonly url: string
  readonly region: string
  readonly memcached: string
  readonly projectIds: { readonly admin: string; readonly service: string; readonly demo: string }
  readonly userIds: Readonly<Record<string, string>>
}

/** What a Keystone stands on. The database is empty. */
export interface KeystoneNeeds {
  readonly database: string
  readonly memcached: string
}

const PYTHON = '/usr/bin/python3'
const script = (name: string) => join(import.meta.dirname, '../python', name)

/** A Keystone with the projects, roles and users that the tests know (python/identity.py). */
export async function startKeystone(stand: Surroundings, name: string, needs: KeystoneNeeds): Promise<Service<KeystoneInfo>> {
  const port = await stand.freePort()
  const url = `http://127.0.0.1:${port}`
  const folder = makeFolder(stand.root, name)
  const conf = configure(folder, needs)
  await stand.processes.run({ name: `${name}-setup`, command: PYTHON, args: [script('keystone_setup.py'), conf, url] })
  const service = await startService(stand, {
    info: { url, region: 'RegionOne', memcached: needs.memcached },
    folder,
    program: wsgi({ name, port, script: '/usr/bin/keystone-wsgi-public', confs: [conf] }),
    isReady: async () =>
      (await request(`${url}/v3`).then(({ statusCode, body }) => body.dump().then(() => statusCode))) === 200 ? true : null,
  })
  const ids = await stand.processes.run({ name: `${name}-identity`, command: PYTHON, args: [script('identity.py'), url] })
  return { ...service, info: { ...service.info, ...(JSON.parse(ids) as Pick<KeystoneInfo, 'projectIds' | 'userIds'>) } }
}

function configure(folder: string, { database, memcached }: KeystoneNeeds): string {
  for (const keys of ['fernet', 'credential']) makeFolder(folder, keys)
  const conf = join(folder, 'keystone.conf')
  writeFileSync(
    conf,
    `[DEFAULT]
log_dir = ${folder}
log_file = keystone.log
[database]
connection = ${database}
[identity]
# The least that bcrypt knows: a password costs 0.3 s otherwise.
password_hash_rounds = 4
[fernet_tokens]
key_repository = ${folder}/fernet
[fernet_receipts]
key_repository = ${folder}/fernet
[credential]
key_repository = ${folder}/credential
[cache]
enabled = true
backend = dogpile.cache.memcached
memcache_servers = ${memcached}
`,
  )
  return conf
}
