import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { startService } from '../cli/service.ts'
import { ZED_POLICY } from '../conformance/runner.ts'
import type { Nova } from '../stand/stand.ts'
import { waitFor } from '../stand/wait.ts'

/** Who takes a request and casts. */
export interface Api {
  readonly url: string
  /** Waits until all that a request casts is with the broker. */
  settled(requestId: string, adminToken: string): Promise<void>
}

/** nova-api answers when the broker has confirmed all. */
export const novaApi = ({ url }: Nova): Api => ({ url, settled: async () => {} })

/** A novacast that runs beside a Nova. */
export interface BesideNova extends Api {
  close(): Promise<void>
}

/** Starts `novacast serve` with the nova.conf of this Nova, set to answer as Zed does, with a journal of its own. */
export async function startBesideNova({ confFile }: Nova): Promise<BesideNova> {
  const folder = mkdtempSync(join(tmpdir(), 'novacast-beside-'))
  const conf = join(folder, 'novacast.conf')
  const policy = join(folder, 'policy.yaml')
  writeFileSync(policy, ZED_POLICY)
  writeFileSync(
    conf,
    `[novacast]\nmax_microversion = 2.93\nall_unknown = 207\n[oslo_policy]\npolicy_file = ${policy}\n` +
      '[keystone_authtoken]\nservice_token_roles_required = true\n',
  )
  const service = await startService(['--config-file', confFile, '--config-file', conf])
  return {
    url: service.url,
    settled: (requestId, adminToken) => waitUntilOver(service.url, requestId, adminToken),
    close: async () => {
      await service.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Waits until no delivery of a request is left to be made. */
async function waitUntilOver(url: string, requestId: string, token: string): Promise<void> {
  await waitFor(
    `the deliveries of ${requestId}`,
    async () => {
      const query = `request_id=${requestId}&limit=1000`
      const { statusCode, body } = await request(`${url}/novacast/v1/events?${query}`, { headers: { 'x-auth-token': token } })
      const text = await body.text()
      if (statusCode !== 200) throw new Error(`${statusCode} ${text}`)
      const { events } = JSON.parse(text) as { events: { deliveries: { state: string; last_error: string | null }[] }[] }
      const open = events.flatMap(({ deliveries }) => deliveries).find(({ state }) => state === 'pending')
      if (open?.last_error) throw new Error(open.last_error)
      return open === undefined || null
    },
    30_000,
  )
}
