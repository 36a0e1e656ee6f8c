/** The typed client of novacast: `import { createClient, staticToken } from 'novacast'`. */
export { staticToken, type TokenProvider } from './auth.ts'
export { type Client, createClient, DEFAULT_MICROVERSION, type ImportOptions, type SendOptions } from './client.ts'
export { ApiError, ConnectionError, ProtocolError, ReplacedError } from './errors.ts'
export type { TlsOptions } from './http.ts'
export type { ImportProgress } from './import-lines.ts'
export { type KeystoneAuth, type KeystoneRef, type KeystoneSettings, keystoneToken } from './keystone.ts'
export { type OsCredentials, readOsEnvironment } from './os-environment.ts'
export type { ListOptions } from './pages.ts'
export type { ReplayFilter, ReplayOptions } from './replay.ts'
export type { SessionOptions } from './session.ts'
export type { FollowOptions, StreamStatus } from './stay-connected.ts'
export type {
  Acknowledged,
  Deferral,
  Delivery,
  DeliveryRecord,
  EventFilter,
  EventOutcome,
  EventRecord,
  GivenReceipt,
  Happening,
  HostState,
  NewEvent,
  Receipt,
  RegisteredServer,
  Replay,
  ReplayedEvent,
  ServerFields,
} from './wire.ts'
