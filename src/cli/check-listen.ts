import { createServer } from 'node:net'
import type { CheckLine } from '../observe/check-line.ts'

const NAME = 'listen address'

/** Whether novacast could listen there. A novacast that listens there already is fine: it is what one sees who checks beside it. */
export async function checkListen(host: string, port: number): Promise<CheckLine> {
  const address = `${host}:${port}`
  const trouble = await tryToListen(host, port)
  if (trouble === null) return { name: NAME, ok: true, detail: `${address} is free`, mend: null }
  if (trouble.code === 'EADDRINUSE' && (await isNovacast(host, port)))
    return { name: NAME, ok: true, detail: `a novacast listens on ${address} already`, mend: null }
  return { name: NAME, ok: false, detail: `${address}: ${trouble.message}`, mend: mendFor(trouble.code) }
}

function mendFor(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'stop what listens there, or give another --port'
    case 'EACCES':
      return 'ports below 1024 need a privilege: give another --port'
    default:
      return 'give an address of this machine as --host'
  }
}

function tryToListen(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

/** By what only novacast says of itself: request ids and 401 are those of every service of OpenStack. */
async function isNovacast(host: string, port: number): Promise<boolean> {
  const name = host.includes(':') ? `[${host}]` : host
  try {
    const answer = await fetch(`http://${name}:${port}/openapi.json`, { signal: AbortSignal.timeout(2000) })
    const document: unknown = await answer.json()
    return /^novacast\b/.test(titleOf(document))
  } catch {
    return false
  }
}

/** Of an OpenAPI document; empty where there is none. */
function titleOf(document: unknown): string {
  if (typeof document !== 'object' || document === null || !('info' in document)) return ''
  const { info } = document
  return typeof info === 'object' && info !== null && 'title' in info ? String(info.title) : ''
}
