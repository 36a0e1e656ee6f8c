/**
 * What an error of a database costs:
 *
 * - `away`: it cannot be reached, or the connection went: try again with another connection, later. What was being written may have
 *   been written or not.
 * - `retry`: it lost against another transaction (deadlock, lock held too long): rolled back, do the transaction again at once;
 * - `duplicate`: a row of that key is there already;
 * - `refused`: this user may not, or who it is was not believed: an operator must act;
 * - `missing`: no such database, table or column: an operator must act;
 * - `full`: no room to write: an operator must act;
 * - `wrong`: anything else, which is a fault of the statement.
 */
export type TroubleKind = 'away' | 'retry' | 'duplicate' | 'refused' | 'missing' | 'full' | 'wrong'

/**
 * The only error that `src/database/` rejects with. Its message is what the server or the system said, in one line; it holds no
 * password and no statement, and has no cause that would.
 */
export class DatabaseTrouble extends Error {
  override readonly name = 'DatabaseTrouble'
  readonly kind: TroubleKind
  /** The server's or the system's code: `ER_DUP_ENTRY`, `23505`, `ECONNREFUSED`; `TIMEOUT`: ours; null where there is none. */
  readonly code: string | null

  constructor(kind: TroubleKind, message: string, code: string | null = null) {
    super(message)
    this.kind = kind
    this.code = code
  }
}

/** What this error of a driver costs. Drivers' errors carry the statement with its values: they end here. */
export function toTrouble(error: unknown): DatabaseTrouble {
  if (error instanceof DatabaseTrouble) return error
  const code = codeOf(error)
  const kind = code === null ? kindOfMessage(error) : isSocketGone(error, code) ? 'away' : kindOfCode(code)
  return new DatabaseTrouble(kind, messageOf(error, code), code)
}

/** Whether a file that the URL names is not there or may not be read: the user that novacast runs as is to be looked at, not the database's. */
export function isOfFile({ kind, code }: DatabaseTrouble): boolean {
  return kind === 'refused' && (code === 'ENOENT' || code === 'EACCES')
}

/** By MySQL's symbols and PostgreSQL's SQLSTATEs; connections' codes are Node's. */
const KINDS: Readonly<Record<Exclude<TroubleKind, 'wrong' | 'away'>, readonly string[]>> = {
  retry: ['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD', '40001', '40P01', '55P03'],
  duplicate: ['ER_DUP_ENTRY', 'ER_DUP_KEY', '23505'],
  refused: [
    ...['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR'],
    ...['ER_SPECIFIC_ACCESS_DENIED_ERROR', 'ER_HOST_NOT_PRIVILEGED', 'ER_HOST_IS_BLOCKED', 'ER_MUST_CHANGE_PASSWORD'],
    ...['ER_NOT_SUPPORTED_AUTH_MODE', 'AUTH_SWITCH_PLUGIN_ERROR', '28000', '28P01', '42501'],
    ...['HANDSHAKE_NO_SSL_SUPPORT', 'HANDSHAKE_SSL_ERROR', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ...[
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'ERR_SSL_NO_CIPHER_MATCH',
    ],
    ...['ENOENT', 'EACCES'],
  ],
  missing: ['ER_BAD_DB_ERROR', 'ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR', '3D000', '3F000', '42P01', '42703'],
  full: ['ER_DISK_FULL', 'ER_RECORD_FILE_FULL', 'ER_OUT_OF_RESOURCES', '53100', '53200'],
}

/**
 * Being shut down, overloaded, read-only (a replica, or in the middle of a fail-over), not in Galera's quorum, or tired of a transaction
 * that took too long.
 */
const AWAY = [
  ...[
    'ER_SERVER_SHUTDOWN',
    'ER_CON_COUNT_ERROR',
    'ER_TOO_MANY_USER_CONNECTIONS',
    'ER_USER_LIMIT_REACHED',
    'ER_CONNECTION_KILLED',
  ],
  ...['ER_NORMAL_SHUTDOWN', 'ER_QUERY_INTERRUPTED', 'ER_UNKNOWN_COM_ERROR', 'ER_CLIENT_INTERACTION_TIMEOUT'],
  ...['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', '25006', '53300', '57014'],
  ...['57P01', '57P02', '57P03', '57P05', 'PROTOCOL_CONNECTION_LOST', 'PROTOCOL_SEQUENCE_TIMEOUT', 'EPIPE', 'EPROTO'],
  ...['25P03', '25P04'],
]

const KIND_OF_CODE = new Map<string, TroubleKind>([
  ...Object.entries(KINDS).flatMap(([kind, codes]) => codes.map((code) => [code, kind as TroubleKind] as const)),
  ...AWAY.map((code) => [code, 'away'] as const),
])

/** A server takes its socket's file along when it stops. */
function isSocketGone(error: unknown, code: string): boolean {
  return code === 'ENOENT' && error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

function kindOfCode(code: string): TroubleKind {
  const known = KIND_OF_CODE.get(code)
  if (known !== undefined) return known
  // Class 08: connection exceptions. Node's own: ECONNREFUSED, EHOSTUNREACH, ENOTFOUND, …
  return code.startsWith('08') || /^E[A-Z]+$/.test(code) ? 'away' : 'wrong'
}

/** pg has no code for connections that end. */
function kindOfMessage(error: unknown): TroubleKind {
  return error instanceof Error && /connection|timeout|socket|closed/i.test(error.message) ? 'away' : 'wrong'
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null
  if ('code' in error && typeof error.code === 'string') return error.code
  return null
}

/** An AggregateError (each address of a host was tried) has no message of its own. */
function messageOf(error: unknown, code: string | null): string {
  if (error instanceof AggregateError) return error.errors.map((each) => messageOf(each, code)).join('; ')
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\n', 1)[0] ?? '') || (code ?? 'unknown error')
}
