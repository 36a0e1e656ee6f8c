import type { Query } from './url-query.ts'

/**
 * How much of TLS. `prefer`: where the server offers it, and without where it lets in only those (libpq's default). Files are read at
 * each connection.
 */
export type Tls =
  | { readonly kind: 'off' }
  | {
      readonly kind: 'prefer' | 'on'
      /** Certificates of the authorities that are believed; null: those that this machine believes. */
      readonly caFile: string | null
      readonly certFile: string | null
      readonly keyFile: string | null
      /** For TLS 1.2, in OpenSSL's notation; null: Node's. */
      readonly ciphers: string | null
      /** Whose certificate is good: anybody's, one that the CA signed, or one that names the host as well. */
      readonly verify: 'nothing' | 'ca' | 'host'
    }

type Verify = Exclude<Tls, { kind: 'off' }>['verify']

/**
 * TLS where any of its options is there. With a CA certificate and name are verified unless the options say otherwise;
 * `ssl_verify_cert` alone is about the certificate, not the name. Source: sqlalchemy/dialects/mysql/mysqldb.py create_connect_args,
 * pymysql/connections.py _create_ssl_ctx; `ssl_mode` is mysqlclient's. Answers a text where an option cannot be honoured.
 */
export function mysqlTls(query: Query): Tls | string {
  const mode = query.text('ssl_mode')?.toUpperCase() ?? null
  const isDisabled = query.flag('ssl_disabled') === true || mode === 'DISABLED'
  const isOn = query.flag('ssl') === true
  const files = { caFile: query.text('ssl_ca'), certFile: query.text('ssl_cert'), keyFile: query.text('ssl_key') }
  const ciphers = query.text('ssl_cipher')
  const verifyCert = query.flag('ssl_verify_cert')
  const verifyIdentity = query.flag('ssl_verify_identity')
  const checkHostname = query.flag('ssl_check_hostname')
  if (query.text('ssl_capath') !== null) return 'expected ssl_ca, a file of certificates, instead of the folder in ssl_capath'
  const unknown = query.unread().find((name) => /^ssl_\w+$/.test(name))
  if (unknown !== undefined) return `expected no option ${unknown}: what it asks of TLS cannot be done`
  const verifyOfMode = mode === null || mode === 'DISABLED' ? null : (MYSQL_MODES.get(mode) ?? 'unknown')
  if (verifyOfMode === 'unknown') return `expected ssl_mode to be DISABLED or one of ${[...MYSQL_MODES.keys()].join(', ')}`

  const said = [verifyOfMode, ...Object.values(files), ciphers, verifyCert, verifyIdentity, checkHostname]
  if (isDisabled || (!isOn && said.every((each) => each === null))) return { kind: 'off' }
  if (verifyOfMode !== null) return { kind: 'on', ...files, ciphers, verify: verifyOfMode }
  const verifies = verifyCert ?? (files.caFile !== null || verifyIdentity === true)
  const verifiesName = verifyIdentity ?? checkHostname ?? verifyCert === null
  return { kind: 'on', ...files, ciphers, verify: !verifies ? 'nothing' : verifiesName ? 'host' : 'ca' }
}

const MYSQL_MODES = new Map<string, Verify>([
  ['PREFERRED', 'nothing'],
  ['REQUIRED', 'nothing'],
  ['VERIFY_CA', 'ca'],
  ['VERIFY_IDENTITY', 'host'],
])

/**
 * `prefer` unless said; `require` verifies where a root certificate is named; `sslrootcert=system` goes with `verify-full` alone.
 * Source: libpq, "SSL Support". Answers a text where an option cannot be honoured.
 */
export function postgresqlTls(query: Query): Tls | string {
  const root = query.text('sslrootcert')
  const isSystem = root === 'system'
  const mode = query.text('sslmode') ?? (isSystem ? 'verify-full' : 'prefer')
  const caFile = isSystem ? null : root
  const own = { certFile: query.text('sslcert'), keyFile: query.text('sslkey'), ciphers: null }
  if (isSystem && mode !== 'verify-full') return 'expected sslmode to be verify-full with sslrootcert=system'
  switch (mode) {
    case 'disable':
      return { kind: 'off' }
    case 'allow':
    case 'prefer':
      return { kind: 'prefer', ...own, caFile: null, verify: 'nothing' }
    case 'require':
      return { kind: 'on', ...own, caFile, verify: caFile === null ? 'nothing' : 'ca' }
    case 'verify-ca':
    case 'verify-full':
      return { kind: 'on', ...own, caFile, verify: mode === 'verify-ca' ? 'ca' : 'host' }
    default:
      return 'expected sslmode to be disable, allow, prefer, require, verify-ca or verify-full'
  }
}
