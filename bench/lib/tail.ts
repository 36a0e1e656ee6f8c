import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.ts'

const SERVER = '8f0c4d1e-2b3a-4c5d-9e6f-708192a3b4c5'
const HEADERS = { 'X-Auth-Token': 'admin:admin', 'Content-Type': 'application/json' }
const PAUSE_MS = 5

/** A whole novacast whose live stream is followed. */
export interface Tail {
  /** Milliseconds from each of so many POSTs to its event on the stream. */
  post(times: number): Promise<number[]>
  stop(): Promise<void>
}

/** Starts novacast over a data folder. */
export async function startTail(dataDir: string): Promise<Tail> {
  const serve = ['src/cli/main.ts', 'serve', '--port', '0', '--data-dir', dataDir, '--log-level', 'warn']
  const novacast = await startChild(process.execPath, serve, /listens on (http:\S+)/, { NOVACAST_RETENTION: '0' })
  const url = String(novacast.match[1])
  const body = JSON.stringify({ host: 'compute-tail' })
  const registered = await fetch(`${url}/novacast/v1/servers/${SERVER}`, { method: 'PUT', headers: HEADERS, body })
  if (!registered.ok) throw new Error(`the server was not registered: ${registered.status} ${await registered.text()}`)
  const stream = await openStream(`${url}/novacast/v1/events/stream`)
  const postOne = async (): Promise<number> => {
    const tag = crypto.randomUUID()
    const events = [{ name: 'network-vif-plugged', server_uuid: SERVER, status: 'completed', tag }]
    const seen = stream.heard(tag)
    const startMs = performance.now()
    const asked = { method: 'POST', headers: HEADERS, body: JSON.stringify({ events }) }
    const answer = await fetch(`${url}/v2.1/os-server-external-events`, asked)
    if (answer.status !== 200) throw new Error(`a POST was answered ${answer.status}`)
    await answer.arrayBuffer()
    return (await seen) - startMs
  }
  return {
    post: async (times) => {
      const waits: number[] = []
      for (let i = 0; i < times; i++) {
        waits.push(await postOne())
        await sleep(PAUSE_MS)
      }
      return waits
    },
    stop: async () => {
      stream.close()
      await novacast.stop()
    },
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
