import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.ts'

const SERVER = '8f0c4d1e-2b3a-4c5d-9e6f-708192a3b4c5'
const HEADERS = { 'X-Auth-Token': 'admin:admin', 'Content-Type': 'application/json' }
const PAUSE_MS = 5

/** Milliseconds from a POST to its event on a live stream, of a whole novacast over this data folder; sorted. */
export async function measureTail(dataDir: string, posts: number): Promise<number[]> {
  const serve = ['src/cli/main.ts', 'serve', '--port', '0', '--data-dir', dataDir, '--log-level', 'warn']
  const novacast = await startChild(process.execPath, serve, /listens on (http:\S+)/, { NOVACAST_RETENTION: '0' })
  try {
    const url = String(novacast.match[1])
    const body = JSON.stringify({ host: 'compute-tail' })
    const registered = await fetch(`${url}/novacast/v1/servers/${SERVER}`, { method: 'PUT', headers: HEADERS, body })
    if (!registered.ok) throw new Error(`the server was not registered: ${registered.status} ${await registered.text()}`)
    const stream = await openStream(`${url}/novacast/v1/events/stream`)
    const waits: number[] = []
    for (let i = 0; i < posts; i++) {
      const tag = crypto.randomUUID()
      const startMs = performance.now()
      const seen = stream.heard(tag)
      const events = [{ name: 'network-vif-plugged', server_uuid: SERVER, status: 'completed', tag }]
      const answer = await fetch(`${url}/v2.1/os-server-external-events`, {
        method: 'POST',
        headers: HEADERS,
        body: JSON.stringify({ events }),
      })
      if (answer.status !== 200) throw new Error(`POST was answered ${answer.status}`)
      await answer.arrayBuffer()
      waits.push((await seen) - startMs)
      await sleep(PAUSE_MS)
    }
    stream.close()
    return waits.sort((a, b) => a - b)
  } finally {
    await novacast.stop()
  }
}

async function openStream(url: string) {
  const asked = request(url, { headers: HEADERS }).end()
  const [response] = await once(asked, 'response')
  const waiting = new Map<string, (atMs: number) => void>()
  const lines = createInterface({ input: response })
  lines.on('line', (line) => {
    const tag = /"tag":"([^"]+)"/.exec(line)?.[1] ?? ''
    waiting.get(tag)?.(performance.now())
    waiting.delete(tag)
  })
  // It is cut off at the end.
  lines.on('error', () => {})
  return {
    heard: (tag: string) => new Promise<number>((resolve) => waiting.set(tag, resolve)),
    close: () => asked.destroy(),
  }
}
