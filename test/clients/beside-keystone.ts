import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { type Service, startService } from '../cli/service.ts'
import type { Keystone } from '../stand/stand.ts'

/** A running novacast that asks this Keystone about tokens, with a registry of its own and streams to hosts. */
export async function startBeside(keystone: Keystone): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'novacast-clients-'))
  const conf = join(folder, 'novacast.conf')
  writeFileSync(conf, `${keystone.authtoken()}[novacast]\nservers = registry\ncast = stream\n`)
  try {
    return await startService(['--config-file', conf])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Puts servers into the registry of a novacast; null: on no host. */
export async function registerServers(
  url: string,
  token: string,
  servers: Readonly<Record<string, string | null>>,
): Promise<void> {
  for (const [uuid, host] of Object.entries(servers)) {
    const { statusCode, body } = await request(`${url}/novacast/v1/servers/${uuid}`, {
      method: 'PUT',
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      body: JSON.stringify({ host }),
    })
    const text = await body.text()
    if (statusCode >= 300) throw new Error(`expected the server ${uuid} to be registered, got ${statusCode}: ${text}`)
  }
}
