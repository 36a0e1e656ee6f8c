import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files of an authority of one's own and of a server's certificate that it signed. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  remove(): void
}

/** Makes them with openssl, for these names (`DNS:…`, `IP:…`). */
export function makeCertificates(names: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'novacast-tls-'))
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout']
  openssl('req', '-x509', ...newKey, at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=novacast test authority')
  openssl('req', ...newKey, at('key.pem'), '-out', at('cert.csr'), '-subj', '/CN=broker')
  writeFileSync(at('names'), `subjectAltName=${names}\n`)
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names'), '-days', '2']
  openssl('x509', '-req', '-in', at('cert.csr'), ...signed, '-out', at('cert.pem'))
  return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem'), remove: () => rmSync(folder, { recursive: true }) }
}
