import type { EventName } from '../events/names.ts'

/** What to listen on, and under which path. */
export interface ListenConfig {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Also serve everything under this path (`/compute`), empty for none. Never ends in a slash. */
  readonly pathPrefix: string
  /** Lets noauth listen beyond loopback. */
  readonly insecureNoauth: boolean
  /** How long, when it is told to stop, it goes on answering while health checks are told to look elsewhere. */
  readonly drainMs: number
}

/** How the service's own token is got: `[keystone_authtoken] auth_type` and what goes with it. */
export type KeystoneAuth =
  | {
      readonly kind: 'password'
      readonly username: string | null
      readonly userId: string | null
      readonly userDomainId: string | null
      readonly userDomainName: string | null
      readonly password: string
      readonly projectId: string | null
      readonly projectName: string | null
      readonly projectDomainId: string | null
      readonly projectDomainName: string | null
      /** `all` for a system-scoped token of the service. */
      readonly systemScope: string | null
    }
  | {
      readonly kind: 'application-credential'
      readonly id: string | null
      readonly name: string | null
      readonly secret: string
      readonly username: string | null
      readonly userId: string | null
      readonly userDomainId: string | null
      readonly userDomainName: string | null
    }

/** `[keystone_authtoken]`, as keystonemiddleware understands it. */
export interface KeystoneConfig {
  /** Without a slash at its end. */
  readonly authUrl: string
  /** What a 401 names; `authUrl` where nothing else is said. */
  readonly wwwAuthenticateUri: string
  readonly regionName: string | null
  readonly interface: string
  readonly cafile: string | null
  readonly insecure: boolean
  /** Null: none but the default of the client. */
  readonly connectTimeoutMs: number | null
  readonly retries: number
  /** How long a valid token is believed without asking again; 0 or less: never. */
  readonly tokenCacheSeconds: number
  /** `host:port` each; empty: this process' memory alone. */
  readonly memcachedServers: readonly string[]
  readonly memcacheSecurityStrategy: 'none' | 'mac' | 'encrypt'
  readonly memcacheSecretKey: string | null
  readonly serviceTokenRoles: readonly string[]
  readonly serviceTokenRolesRequired: boolean
  readonly includeServiceCatalog: boolean
  readonly auth: KeystoneAuth
}

/** What the API does where it may differ from cloud to cloud. */
export interface ApiConfig {
  /** Minor number of the newest 2.x microversion offered. */
  readonly maxMicroversion: number
  /** The status where every event's server is unknown. */
  readonly allUnknown: 404 | 207
  /** How long an event for a server that is on no host is kept; 0: not at all. */
  readonly parkUnassignedMs: number
  /** Bytes of a body; larger ones are 413. */
  readonly maxBodyBytes: number
  /** Whether `X-Forwarded-*` and `Forwarded` are believed. */
  readonly proxyHeaders: boolean
  /** How long a repeat is known to be one; 0: every request is a new one. */
  readonly repeatWindowMs: number
  /** `[api] compute_link_prefix`: the start of links in version documents, or null: from the request. */
  readonly computeLinkPrefix: string | null
}

/** `[oslo_policy]`. */
export interface PolicyConfig {
  /** Absolute, or null where there is none to expect. It need not exist. */
  readonly file: string | null
  /** Absolute; read in this order after the file, each in the order of its files' names. They need not exist. */
  readonly dirs: readonly string[]
  /** The rule that stands in for one that a rule refers to and that does not exist. */
  readonly defaultRule: string
  /** Refuse tokens of another scope than a rule of Nova is meant for. */
  readonly enforceScope: boolean
}

/** How host streams behave. */
export interface StreamConfig {
  readonly ackTimeoutMs: number
  readonly heartbeatMs: number
  /** Deliveries on their way to one host without acknowledgement. */
  readonly window: number
}

/** How long and how often deliveries are tried. */
export interface DeliveryTerms {
  /** By the name of the event, where it is not the default of src/events/names.ts. */
  readonly ttlSeconds: Readonly<Partial<Record<EventName, number>>>
  /** Tries that come to nothing for a delivery's own sake before it ends as failed. */
  readonly maxAttempts: number
}

/** Where the journal is kept: in a file of this machine, or in a database that several replicas share. */
export type JournalConfig =
  | { readonly kind: 'sqlite' /** Absolute. */; readonly file: string }
  /** A SQLAlchemy URL of MySQL, MariaDB or PostgreSQL. Holds a password. */
  | { readonly kind: 'sql'; readonly url: string }

/** What of Nova's own configuration tells where its servers are and how its hosts are reached. URLs hold passwords. */
export interface NovaConfig {
  /** `[api_database] connection`. */
  readonly apiDatabase: string | null
  /** `[api_database] connection_parameters`: options to append to that URL; empty where there are none. */
  readonly apiDatabaseParameters: string
  /** `[database] connection`, for cell mappings whose URL is a template. */
  readonly database: string | null
  /** `[database] connection_parameters`: options to append to the URL of every cell's database. */
  readonly databaseParameters: string
  /** `[DEFAULT] transport_url`, for cell mappings likewise. */
  readonly transportUrl: string | null
  readonly controlExchange: string
  /** `[oslo_messaging_rabbit]`, by the names of its options, as text; empty where nothing is said and there is no default. */
  readonly rabbit: Readonly<Record<string, string>>
  /** Whether events are accepted whose server's cell cannot be asked now. */
  readonly deferUnlocated: boolean
  /** At most so many connections to each database. */
  readonly maxConnections: number
}

/** Everything the service is told, read and checked: the one shape of it that the rest of the code sees. */
export interface Config {
  readonly listen: ListenConfig
  /** Absolute. */
  readonly dataDir: string
  readonly identity: 'noauth' | 'keystone'
  readonly servers: 'registry' | 'nova'
  readonly cast: 'stream' | 'rabbitmq'
  readonly journal: JournalConfig
  readonly nova: NovaConfig
  readonly api: ApiConfig
  /** Null unless identity is keystone. */
  readonly keystone: KeystoneConfig | null
  readonly policy: PolicyConfig
  readonly stream: StreamConfig
  /** How long events are kept after they came, in milliseconds; 0: for ever. */
  readonly retentionMs: number
  readonly delivery: DeliveryTerms
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' }
}
