/** What a suite may ask for. Each brings what it stands on: keystone brings mariadb and memcached, nova brings all but postgresql. */
export type Part = 'memcached' | 'mariadb' | 'postgresql' | 'rabbitmq' | 'keystone' | 'nova'

/** The services of a stand, by part; a suite sees those that it asked for. They are shared: stop none, change none for others. */
export type Stand<P extends Part = Part> = Pick<Services, P>

export interface Services {
  readonly memcached: Memcached
  readonly mariadb: Database
  readonly postgresql: Database
  readonly rabbitmq: Rabbitmq
  readonly keystone: Keystone
  readonly nova: Nova
}

/** An instance of a service that belongs to one test: it may be stopped and started, keeps its addresses and data, and goes at last. */
export interface Own {
  /** Ends it in good order; its data stays. */
  stop(): Promise<void>
  /** Starts it again where it was. */
  start(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** Ends it and removes its data. */
  remove(): Promise<void>
}

export interface Memcached {
  /** `host:port` */
  readonly address: string
}

/** A database server; the user may do everything in it, making databases and users included. */
export interface Database {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** A SQLAlchemy URL, as OpenStack and novacast are configured with: `mysql+pymysql://…`, `postgresql+psycopg2://…`. */
  url(database: string): string
  /** Makes an empty database, of a name of its own unless one is given. */
  createDatabase(name?: string): Promise<{ readonly name: string; readonly url: string }>
}

/** A broker; the user is its administrator. */
export interface Rabbitmq {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** `amqp://user:password@host:port/vhost`, for a client; the vhost is `/` unless another is given. */
  url(vhost?: string): string
  /** `rabbit://…`, as `[DEFAULT] transport_url` has it. */
  transportUrl(vhost?: string): string
  /** Makes a virtual host that the administrator may use, of a name of its own unless one is given. */
  createVhost(name?: string): Promise<string>
  /** Makes a user (its password is its name) who may do everything in these virtual hosts. */
  createUser(name: string, vhosts: readonly string[]): Promise<void>
  /** Runs `rabbitmqctl` with these arguments and gives what it prints. */
  ctl(...args: string[]): Promise<string>
}

/** Who a token can be of: the identities of the conformance corpus, and the other services that send events. */
export type IdentityName =
  | 'neutron'
  | 'cinder'
  | 'ironic'
  | 'cyborg'
  | 'nova'
  | 'novacast'
  | 'serviceonly'
  | 'admin'
  /** The user admin, the token scoped to the system. */
  | 'system'
  | 'demo'
  | 'reader'
  /** The user neutron, the token without any scope. */
  | 'unscoped'
  /** A token of cinder, revoked before its first use. */
  | 'revoked'

export interface Keystone {
  /** Scheme, host and port; the API is under `/v3`. */
  readonly url: string
  readonly region: string
  /** Its memcached, as `host:port`. */
  readonly memcached: string
  /** In the project admin. Every user's password is its name, every domain is `default`. */
  readonly admin: { readonly username: string; readonly password: string; readonly projectName: string }
  readonly projectIds: { readonly admin: string; readonly service: string; readonly demo: string }
  readonly userIds: Readonly<Record<string, string>>
  /** A new token from Keystone, each time. */
  token(identity: IdentityName): Promise<string>
  /** A configuration file's `[keystone_authtoken]` for a service user, `novacast` unless another is given; without memcached. */
  authtoken(user?: IdentityName): string
  /** `OS_*` variables for a command line or a client library, for a user in a project. */
  environment(user: IdentityName, project: 'admin' | 'service' | 'demo'): Record<string, string>
  /** Puts an endpoint into the catalog, for all three interfaces, under a region of its own so that others do not see it. */
  addEndpoint(endpoint: { service: string; type: string; region: string; url: string }): Promise<void>
}

export interface Cell {
  readonly name: string
  /** SQLAlchemy URL. */
  readonly database: string
  readonly transportUrl: string
  /** Hosts whose servers are in this cell. */
  readonly hosts: readonly string[]
}

export interface Nova {
  /** Scheme, host and port of nova-api; the API is under `/v2.1`. */
  readonly url: string
  /** Of its endpoint in Keystone's catalog. */
  readonly region: string
  /** nova.conf of the control plane: novacast can be started with it. */
  readonly confFile: string
  readonly apiDatabase: string
  /** cell0 is not among them. */
  readonly cells: readonly Cell[]
  readonly cell0Database: string
  /** Log files by name: nova-api, nova-conductor, and each nova-compute by its host. */
  readonly logs: Readonly<Record<string, string>>
  /** Puts servers into a cell with Nova's own object layer. */
  seed(count: number, options?: SeedOptions): Promise<SeededServer[]>
  /** The servers that the conformance corpus names (conformance README), made once for each call. */
  seedCorpus(): Promise<Readonly<Record<CorpusServer, string>>>
  /** Waits until the log of this name has a line that matches, from `since` (a length that `logLength` gave) on, and gives that line. */
  nextLog(name: string, pattern: RegExp, options?: { since?: number; timeoutMs?: number }): Promise<string>
  /** Length of a log at this moment, in bytes. */
  logLength(name: string): number
}

/** A load balancer. Requests go to the one frontend of its configuration. */
export interface Haproxy extends Own {
  readonly url: string
}

/** A control plane of its own, with what it stands on; each may be stopped and started. Keystone is the shared one. */
export interface OwnNova extends Nova, Own {
  /** Of nova_api, cell0 and cell1. */
  readonly database: Database & Own
  readonly rabbitmq: Rabbitmq & Own
  /** Of the second cell, whose one host is compute-3, without a nova-compute, and whose vhost is `cell2`. Null where there is one cell. */
  readonly cell2Database: (Database & Own) | null
}

export interface OwnNovaOptions {
  readonly engine: 'mariadb' | 'postgresql'
  readonly cells: 1 | 2
}

export interface SeedOptions {
  /** `cell1` unless given. */
  readonly cell?: string
  /** Spread over these; compute-1 and compute-2 unless given. */
  readonly hosts?: readonly string[]
  /** With everything that an instance can carry: VIFs in its network cache, NUMA, PCI requests, a key pair, metadata. */
  readonly rich?: boolean
  readonly projectId?: string
}

export interface SeededServer {
  readonly uuid: string
  readonly name: string
  readonly host: string | null
  readonly projectId: string
}

export type CorpusServer =
  | 'a'
  | 'b'
  | 'unassigned'
  | 'migrating'
  | 'missing'
  | 'deleted'
  | 'softdeleted'
  | 'shelved'
  | 'cell0'
  | 'archived'
  | 'building'
