import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { getCACertificates } from 'node:tls'
import type { Address } from './url.ts'
import type { Tls } from './url-tls.ts'

/** Named beside those for TLS 1.2: Node would leave TLS 1.3 out, while Python's set_ciphers does not touch it. */
const TLS_1_3_CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'

/** A TLS configuration as Node takes it, but for the name to verify; with the files as they are now. */
export function secureOptions({ caFile, certFile, keyFile, ciphers, verify }: Exclude<Tls, { kind: 'off' }>): {
  rejectUnauthorized: boolean
  ca?: Buffer | string[]
  cert?: Buffer
  key?: Buffer
  ciphers?: string
} {
  const rejectUnauthorized = verify !== 'nothing'
  return {
    rejectUnauthorized,
    ...(caFile === null ? (rejectUnauthorized ? { ca: getCACertificates('system') } : {}) : { ca: readFileSync(caFile) }),
    ...(certFile === null ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === null ? {} : { key: readFileSync(keyFile) }),
    ...(ciphers === null ? {} : { ciphers: `${TLS_1_3_CIPHERS}:${ciphers}` }),
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
