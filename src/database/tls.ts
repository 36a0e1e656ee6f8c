import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Address, Tls } from './url.ts'

/** The files of a TLS configuration as they are now. */
export function tlsFiles({ caFile, certFile, keyFile }: Extract<Tls, { kind: 'on' }>): {
  ca?: Buffer
  cert?: Buffer
  key?: Buffer
} {
  return {
    ...(caFile === null ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === null ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === null ? {} : { key: readFileSync(keyFile) }),
  }
}

/** Length and code of PostgreSQL's SSLRequest, which is answered with one byte: S (it is ready for TLS) or N. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Whether a PostgreSQL server offers TLS. Rejects when it does not answer in time. Source: PostgreSQL, "Message Flow", SSL session encryption. */
export function offersTls(address: Extract<Address, { kind: 'tcp' }>, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, address.host, () => socket.write(SSL_REQUEST))
    const end = (settle: () => void) => {
      socket.destroy()
      settle()
    }
    socket.setTimeout(timeoutMs, () => end(() => reject(new Error(`connection timeout: no answer within ${timeoutMs} ms`))))
    socket.once('data', (answer) => end(() => resolve(answer.toString('latin1') === 'S')))
    socket.once('error', (error) => end(() => reject(error)))
    socket.once('close', () => reject(new Error('connection closed by the server')))
  })
}
