import { EVENT_NAMES } from '../events/names.ts'
import {
  address,
  boolean,
  choice,
  decimal,
  httpUrl,
  integer,
  list,
  microversion,
  multi,
  NEWEST_MICROVERSION,
  nonEmptyText,
  type OptionType,
  optional,
  path,
  seconds,
  secondsOf,
  text,
  urlPrefix,
} from './option-types.ts'

/** Another name that an option goes by: an older one, or the same with dashes. */
export interface OtherName {
  readonly section: string
  readonly name: string
}

/** One thing that the service can be told. */
export interface Option<T> {
  readonly section: string
  readonly name: string
  readonly type: OptionType<T>
  /** The value where nothing is said. */
  readonly value: T
  /** What the sample and the reference show as the default; empty where there is none. */
  readonly shown: string
  readonly help: string
  readonly otherNames: readonly OtherName[]
  /** Whether its value may never be shown. */
  readonly isSecret: boolean
  /** Whose it is: an option that Nova has, with Nova's meaning, or novacast's own. */
  readonly origin: 'nova' | 'novacast'
}

interface Rest {
  readonly help: string
  readonly shown?: string
  /** In the same section, or `section.name`. */
  readonly otherNames?: readonly string[]
  readonly isSecret?: true
}

/** A section's options; every one is a row of the table below. */
function section(name: string, origin: 'nova' | 'novacast') {
  return <T>(option: string, type: OptionType<T>, value: T, rest: Rest): Option<T> => ({
    section: name,
    name: option,
    type,
    value,
    shown: rest.shown ?? showDefault(value),
    help: rest.help,
    otherNames: (rest.otherNames ?? []).map((other) => toOtherName(name, other)),
    isSecret: rest.isSecret ?? false,
    origin,
  })
}

function toOtherName(section: string, name: string): OtherName {
  const at = name.indexOf('.')
  return at < 0 ? { section, name } : { section: name.slice(0, at), name: name.slice(at + 1) }
}

function showDefault(value: unknown): string {
  if (value === null || value === undefined) return ''
  return Array.isArray(value) ? value.join(',') : String(value)
}

const ours = section('novacast', 'novacast')
const keystone = section('keystone_authtoken', 'nova')
const policy = section('oslo_policy', 'nova')
const middleware = section('oslo_middleware', 'nova')
const api = section('api', 'nova')
const main = section('DEFAULT', 'nova')
const apiDatabase = section('api_database', 'nova')
const database = section('database', 'nova')
const rabbit = section('oslo_messaging_rabbit', 'nova')

const optionalText = optional(text)
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * Everything that the service can be told: parsing, the commented sample, the reference in docs/ and the checks of unknown options
 * all follow from this table. Rows that are Nova's have the names, defaults and older names of Nova, keystonemiddleware,
 * keystoneauth1, oslo.policy and oslo.middleware.
 */
export const OPTIONS = {
  host: ours('host', address, '127.0.0.1', {
    help: 'The address to listen on. Without Keystone this must be one of this machine alone (see insecure_noauth).',
  }),
  port: ours('port', integer(0, 65_535), 8774, { help: 'The port to listen on; 0 for any that is free.' }),
  pathPrefix: ours('path_prefix', urlPrefix, '', {
    help: 'Everything is also served under this path, for a cloud whose compute endpoint is http://controller/compute/v2.1.',
  }),
  insecureNoauth: ours('insecure_noauth', boolean, false, {
    help: 'Lets identity = noauth listen beyond this machine: whoever reaches the port may then do anything.',
  }),
  drain: ours('drain', seconds(0, 3600), 0, {
    shown: '0',
    help: 'Seconds for which, when told to stop, novacast goes on answering while /healthcheck and /readyz say 503, so that load balancers send elsewhere before it takes no more. A little more than a load balancer needs to notice; 0 where none asks.',
  }),
  dataDir: ours('data_dir', path, '', {
    shown: './novacast-data',
    help: 'Where the journal is kept. Made where it does not exist.',
  }),
  connection: ours('connection', optionalText, null, {
    shown: 'sqlite:///<data_dir>/novacast.db',
    isSecret: true,
    help: 'The journal: sqlite:// and the path of a file (three slashes and a relative path, or four: an absolute one), or the URL of a database that several replicas share: mysql+pymysql://user:password@host/database, postgresql://user:password@host/database.',
  }),
  identity: ours('identity', optional(choice('noauth', 'keystone')), null, {
    shown: 'keystone where [keystone_authtoken] auth_url is set, else noauth; with servers = nova noauth has to be said',
    help: "Who says who is asking: keystone, or noauth, where a token is user:project as with Nova's noauth2.",
  }),
  servers: ours('servers', optional(choice('registry', 'nova')), null, {
    shown: 'nova where [api_database] connection is set, else registry',
    help: "Who says where a server is: novacast's own registry, or Nova's databases.",
  }),
  cast: ours('cast', optional(choice('stream', 'rabbitmq')), null, {
    shown: 'rabbitmq where [DEFAULT] transport_url is set, else stream; with servers = nova stream has to be said',
    help: 'How events reach a host: streams that host agents follow, or RabbitMQ as nova-compute has it.',
  }),
  maxMicroversion: ours('max_microversion', microversion, NEWEST_MICROVERSION, {
    shown: `2.${NEWEST_MICROVERSION}`,
    help: 'The newest microversion offered. The default is the newest that Nova has.',
  }),
  allUnknown: ours('all_unknown', choice('404', '207'), '404', {
    help: "The status of the answer where no event's server is known. Nova answered 404 once, and answers 207 since bug 1855752.",
  }),
  ackTimeout: ours('ack_timeout', seconds(0.05, 86_400), 30_000, {
    shown: '30',
    help: 'Seconds until an event that a host agent has not acknowledged is sent to it again.',
  }),
  heartbeat: ours('heartbeat', seconds(0.05, 3600), 15_000, {
    shown: '15',
    help: 'Seconds between the comments that keep an idle stream alive.',
  }),
  window: ours('window', integer(1, 100_000), 1000, {
    help: 'How many events may be on their way to one host without its acknowledgement.',
  }),
  eventTtl: ours(
    'event_ttl',
    secondsOf(EVENT_NAMES.map(({ name }) => name)),
    {},
    {
      shown: EVENT_NAMES.map(({ name, ttlSeconds }) => `${name}:${ttlSeconds}`).join(', '),
      help: 'Seconds for which a delivery is worth making, by the name of the event; those not named keep their default. A delivery whose time is over ends as expired.',
    },
  ),
  maxAttempts: ours('max_attempts', integer(1, 1_000_000), 20, {
    help: 'How often a delivery that is refused for its own sake, or that a host agent does not acknowledge in time, is tried before it ends as failed. What a host or broker that is away did not get does not count, nor what a host did not acknowledge that has acknowledged nothing else since: its power may be gone.',
  }),
  deferUnlocated: ours('defer_unlocated', boolean, true, {
    help: "Accept events while the database of their server's cell cannot be asked, and deliver them when it is back. Else they are answered 503.",
  }),
  retention: ours('retention', seconds(0, 3_153_600_000), 604_800_000, {
    shown: '604800',
    help: 'Seconds after which an event is removed from the journal, with what became of it; 0: never. What is still pending stays.',
  }),
  repeatWindow: ours('repeat_window', seconds(0, 3600), 300_000, {
    shown: '300',
    help: 'Seconds for which a request is known: one that comes again (the same X-OpenStack-Request-ID and body, or the same Idempotency-Key) is answered as the first was, and delivered once. 0: every request is a new one. The same at all replicas.',
  }),
  parkUnassigned: ours('park_unassigned', seconds(0, 86_400), 0, {
    help: 'Seconds for which an event for a server that is on no host is kept, though it is answered 422 as ever: it is delivered if the server gets a host in that time. For senders that are faster than the scheduler.',
  }),
  maxConnections: ours('max_connections', integer(1, 1000), 5, {
    help: 'At most so many connections to each database.',
  }),
  logLevel: ours('log_level', optional(choice(...LEVELS)), null, {
    shown: 'info, or debug where [DEFAULT] debug is true',
    help: 'How much to log, as JSON on standard error.',
  }),

  debug: main('debug', boolean, false, { help: 'Log at level debug where [novacast] log_level says nothing.' }),
  transportUrl: main('transport_url', optionalText, null, {
    isSecret: true,
    help: 'The message bus of Nova. Where it is set, [novacast] cast is rabbitmq unless that says otherwise.',
  }),
  controlExchange: main('control_exchange', nonEmptyText, 'nova', { help: 'The exchange to which casts are published.' }),
  apiDatabase: apiDatabase('connection', optionalText, null, {
    isSecret: true,
    help: 'The database nova_api. Where it is set, [novacast] servers is nova unless that says otherwise.',
  }),
  apiDatabaseParameters: apiDatabase('connection_parameters', text, '', {
    isSecret: true,
    help: 'More options for the URL of nova_api: name=value&name=value.',
  }),

  database: database('connection', optionalText, null, {
    isSecret: true,
    help: 'The database of the local cell: what cell mappings are filled in from whose URLs are templates.',
  }),
  databaseParameters: database('connection_parameters', text, '', {
    isSecret: true,
    help: "More options for the URL of every cell's database: name=value&name=value.",
  }),

  rabbitSsl: rabbit('ssl', boolean, false, {
    otherNames: ['rabbit_use_ssl'],
    help: 'Speak TLS with the broker.',
  }),
  rabbitCaFile: rabbit('ssl_ca_file', optionalText, null, {
    otherNames: ['kombu_ssl_ca_certs'],
    help: "Certificates of the authorities that are believed, PEM. Without it the broker's certificate is not verified.",
  }),
  rabbitCertFile: rabbit('ssl_cert_file', optionalText, null, {
    otherNames: ['kombu_ssl_certfile'],
    help: "novacast's own certificate, PEM.",
  }),
  rabbitKeyFile: rabbit('ssl_key_file', optionalText, null, { otherNames: ['kombu_ssl_keyfile'], help: 'Its key, PEM.' }),
  rabbitVerifyHostname: rabbit('ssl_enforce_hostname_verification', boolean, true, {
    help: "Demand that the certificate is for the broker's name.",
  }),
  rabbitTlsVersion: rabbit('ssl_version', optionalText, null, {
    otherNames: ['kombu_ssl_version'],
    help: 'The one version of TLS to speak: TLSv1_2 or TLSv1_3. Empty: any that is safe.',
  }),
  rabbitLoginMethod: rabbit('rabbit_login_method', choice('PLAIN', 'AMQPLAIN', 'EXTERNAL'), 'AMQPLAIN', {
    help: 'How to log in.',
  }),
  rabbitHeartbeat: rabbit('heartbeat_timeout_threshold', integer(0, 65_535), 60, {
    help: 'Seconds of silence after which the broker counts as gone; 0: no heartbeats.',
  }),
  rabbitDurable: rabbit('amqp_durable_queues', boolean, false, {
    help: 'The exchange is durable.',
  }),
  rabbitQuorum: rabbit('rabbit_quorum_queue', boolean, false, {
    help: 'Queues are quorum queues; the exchange is then durable.',
  }),
  rabbitAutoDelete: rabbit('amqp_auto_delete', boolean, false, {
    help: 'The exchange goes with its last queue.',
  }),
  rabbitRetryInterval: rabbit('rabbit_retry_interval', integer(0, 3600), 1, {
    help: 'Seconds before a lost broker is tried again.',
  }),
  rabbitRetryBackoff: rabbit('rabbit_retry_backoff', integer(0, 3600), 2, {
    help: 'Seconds by which that pause grows with each try.',
  }),
  rabbitIntervalMax: rabbit('rabbit_interval_max', integer(0, 86_400), 30, {
    help: 'The most seconds that it grows to.',
  }),
  rabbitReconnectDelay: rabbit('kombu_reconnect_delay', decimal(0, 3600), 1, {
    help: 'Seconds to wait before connecting again to what was connected.',
  }),
  rabbitFailover: rabbit('kombu_failover_strategy', choice('round-robin', 'shuffle'), 'round-robin', {
    help: 'In which order the brokers of a URL are tried.',
  }),

  computeLinkPrefix: api('compute_link_prefix', optionalText, null, {
    otherNames: ['DEFAULT.osapi_compute_link_prefix'],
    help: 'What links in version documents begin with, instead of the address that the request was sent to.',
  }),
  proxyHeaders: middleware('enable_proxy_headers_parsing', boolean, false, {
    help: 'Believe X-Forwarded-Proto, -Host, -Port, -Prefix and Forwarded: for a service behind a proxy that sets them.',
  }),
  maxBodyBytes: middleware('max_request_body_size', integer(1, 1_073_741_824), 114_688, {
    otherNames: ['DEFAULT.osapi_max_request_body_size', 'DEFAULT.max_request_body_size'],
    help: 'Bytes of a request body; a larger one is answered 413.',
  }),

  policyFile: policy('policy_file', optionalText, null, {
    shown: 'policy.yaml',
    otherNames: ['DEFAULT.policy_file'],
    help: 'Rules that differ from the defaults, as YAML or JSON. Looked for beside the configuration files.',
  }),
  policyDirs: policy('policy_dirs', multi, ['policy.d'], {
    otherNames: ['DEFAULT.policy_dirs'],
    help: 'Folders of more such files, read in the order of their names after policy_file. May be given several times.',
  }),
  policyDefaultRule: policy('policy_default_rule', text, 'default', {
    otherNames: ['DEFAULT.policy_default_rule'],
    help: 'The rule that stands in where a rule refers to one that does not exist.',
  }),
  enforceScope: policy('enforce_scope', boolean, false, {
    help: 'Refuse tokens whose scope is not the one that a rule of Nova is meant for: external events then need a project.',
  }),

  authUrl: keystone('auth_url', optional(httpUrl), null, {
    otherNames: ['auth-url'],
    help: 'Where Keystone is. Setting it is what turns Keystone on.',
  }),
  authType: keystone('auth_type', choice('password', 'v3password', 'v3applicationcredential'), 'password', {
    otherNames: ['auth_plugin', 'auth-type'],
    help: "How novacast gets its own token, with which it validates others'.",
  }),
  authSection: keystone('auth_section', optionalText, null, {
    help: 'Another section from which auth_type and what belongs to it are read.',
  }),
  username: keystone('username', optionalText, null, {
    otherNames: ['user-name', 'user_name'],
    help: "The service user's name.",
  }),
  userId: keystone('user_id', optionalText, null, {
    otherNames: ['user-id'],
    help: "The service user's id, instead of its name.",
  }),
  userDomainId: keystone('user_domain_id', optionalText, null, {
    otherNames: ['user-domain-id'],
    help: "The id of the service user's domain.",
  }),
  userDomainName: keystone('user_domain_name', optionalText, null, {
    otherNames: ['user-domain-name'],
    help: "The name of the service user's domain.",
  }),
  password: keystone('password', optional(nonEmptyText), null, { isSecret: true, help: "The service user's password." }),
  projectId: keystone('project_id', optionalText, null, {
    otherNames: ['project-id', 'tenant-id', 'tenant_id'],
    help: "The id of the service user's project.",
  }),
  projectName: keystone('project_name', optionalText, null, {
    otherNames: ['project-name', 'tenant-name', 'tenant_name'],
    help: "The name of the service user's project.",
  }),
  projectDomainId: keystone('project_domain_id', optionalText, null, {
    otherNames: ['project-domain-id'],
    help: "The id of that project's domain.",
  }),
  projectDomainName: keystone('project_domain_name', optionalText, null, {
    otherNames: ['project-domain-name'],
    help: "The name of that project's domain.",
  }),
  defaultDomainId: keystone('default_domain_id', optionalText, null, {
    otherNames: ['default-domain-id'],
    help: 'The id of the domain of user and project where neither of the above says it (auth_type password only).',
  }),
  defaultDomainName: keystone('default_domain_name', optionalText, null, {
    otherNames: ['default-domain-name'],
    help: 'The name of that domain.',
  }),
  systemScope: keystone('system_scope', optionalText, null, {
    otherNames: ['system-scope'],
    help: 'all: a token of the service for the system instead of a project.',
  }),
  applicationCredentialId: keystone('application_credential_id', optionalText, null, {
    help: 'The id of the application credential (auth_type v3applicationcredential).',
  }),
  applicationCredentialName: keystone('application_credential_name', optionalText, null, {
    help: 'Its name, beside the user it belongs to, instead of its id.',
  }),
  applicationCredentialSecret: keystone('application_credential_secret', optional(nonEmptyText), null, {
    isSecret: true,
    help: 'Its secret.',
  }),
  wwwAuthenticateUri: keystone('www_authenticate_uri', optionalText, null, {
    shown: 'the value of auth_url',
    otherNames: ['auth_uri'],
    help: 'Where a sender without a valid token is told to get one.',
  }),
  regionName: keystone('region_name', optionalText, null, { help: 'The region whose Keystone endpoint is used.' }),
  interface: keystone('interface', choice('internal', 'public', 'admin', 'internalURL', 'publicURL', 'adminURL'), 'internal', {
    help: "Which of Keystone's endpoints is used.",
  }),
  cafile: keystone('cafile', optional(path), null, {
    shown: 'the certificates that come with Node',
    help: 'Certificates of the authorities that are believed, PEM.',
  }),
  insecure: keystone('insecure', boolean, false, { help: "Do not verify Keystone's certificate." }),
  connectTimeout: keystone('http_connect_timeout', optional(seconds(0.001, 3600)), null, {
    shown: '',
    help: 'Seconds that an answer of Keystone may take.',
  }),
  retries: keystone('http_request_max_retries', integer(0, 1000), 3, {
    help: 'How many times a request to Keystone is made again when no connection comes about.',
  }),
  tokenCacheTime: keystone('token_cache_time', integer(-1, 31_536_000), 300, {
    help: 'Seconds for which a token is believed without asking Keystone again; -1: ask always.',
  }),
  memcachedServers: keystone('memcached_servers', list, [], {
    otherNames: ['memcache_servers'],
    help: 'memcached servers, host:port each, in which replicas share what they know of tokens. None: memory alone.',
  }),
  memcacheSecurityStrategy: keystone('memcache_security_strategy', choice('None', 'MAC', 'ENCRYPT'), 'None', {
    help: 'Whether what is kept in memcached is signed (MAC) or signed and encrypted (ENCRYPT).',
  }),
  memcacheSecretKey: keystone('memcache_secret_key', optionalText, null, {
    isSecret: true,
    help: 'From which the keys for that are derived.',
  }),
  serviceTokenRoles: keystone('service_token_roles', list, ['service'], {
    help: 'Roles of which a service token has one, for a user token that came along with it to be good beyond its expiry.',
  }),
  serviceTokenRolesRequired: keystone('service_token_roles_required', boolean, false, {
    help: 'Refuse service tokens with none of these roles.',
  }),
  includeServiceCatalog: keystone('include_service_catalog', boolean, true, {
    help: 'Ask Keystone for the service catalog with each token.',
  }),
} as const

/** What of `[oslo_messaging_rabbit]` matters to one who publishes. */
export const RABBIT_OPTIONS: readonly Option<unknown>[] = Object.values(OPTIONS).filter(
  ({ section }) => section === 'oslo_messaging_rabbit',
)

/** Every option, in the order of the table. */
export const ALL_OPTIONS: readonly Option<unknown>[] = Object.values(OPTIONS)
