import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import type { ConfigPath } from '../../src/config/files.ts'
import { loadConfig, type Sources } from '../../src/config/load.ts'
import { ALL_OPTIONS } from '../../src/config/options.ts'
import { renderSample } from '../../src/config/sample.ts'

/** What `createFolder` makes. */
const FOLDER = new RegExp(`${tmpdir()}/novacast-config-test-\\w+/`, 'g')

const NOTHING: Sources = { configPaths: [], environment: {}, flags: {} }

function createFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'novacast-config-test-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** A file with this text, in a folder of its own. */
function fileOf(text: string, name = 'nova.conf'): string {
  const file = join(createFolder(), name)
  writeFileSync(file, text)
  return file
}

const file = (path: string): ConfigPath => ({ kind: 'file', path })
const folder = (path: string): ConfigPath => ({ kind: 'folder', path })
const load = (sources: Partial<Sources>): Config => loadConfig({ ...NOTHING, ...sources })
const loadText = (text: string, more: Partial<Sources> = {}): Config => load({ configPaths: [file(fileOf(text))], ...more })

/** What is wrong, with the folders of files left out. */
function problemsOf(sources: Partial<Sources>): readonly string[] {
  try {
    load(sources)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.message).toBe(error.problems.join('\n'))
    return error.problems.map((problem) => problem.replaceAll(FOLDER, ''))
  }
  return []
}
const problemsOfText = (text: string, more: Partial<Sources> = {}) => problemsOf({ configPaths: [file(fileOf(text))], ...more })

const KEYSTONE = `[keystone_authtoken]
auth_url = https://keystone:5000/v3
username = nova
password = s3cret
user_domain_name = Default
project_name = service
project_domain_name = Default
`

describe('without anything said', () => {
  it('novacast is embedded, and on this machine alone', () => {
    expect(load({})).toMatchObject({
      listen: { host: '127.0.0.1', port: 8774, pathPrefix: '', insecureNoauth: false },
      dataDir: resolve('novacast-data'),
      identity: 'noauth',
      servers: 'registry',
      cast: 'stream',
      journal: { kind: 'sqlite', file: resolve('novacast-data/novacast.db') },
      nova: { apiDatabase: null, database: null, transportUrl: null, controlExchange: 'nova', maxConnections: 5 },
      api: {
        maxMicroversion: 104,
        allUnknown: 404,
        parkUnassignedMs: 0,
        maxBodyBytes: 114_688,
        proxyHeaders: false,
        computeLinkPrefix: null,
      },
      keystone: null,
      stream: { ackTimeoutMs: 30_000, heartbeatMs: 15_000, window: 1000 },
      delivery: { ttlSeconds: {}, maxAttempts: 20 },
      log: { level: 'info' },
    })
  })

  it('is what the sample says, all of it', () => {
    const sample = renderSample()
    for (const { name } of ALL_OPTIONS) expect(sample).toMatch(new RegExp(`^#${name} =`, 'm'))
    expect(loadText(sample)).toEqual({ ...load({}), policy: expect.anything() })
  })

  it('is what the sample says when its defaults are said', () => {
    const said = renderSample().replaceAll(/^#(\w+ = \S)/gm, '$1')
    expect(said).toMatch(/^port = 8774$/m)
    expect(loadText(said)).toEqual({ ...load({}), policy: expect.anything() })
  })
})

describe('sources', () => {
  it('count in the order flags, environment, later files, earlier files', () => {
    const configPaths = [
      fileOf('[novacast]\nport = 1\nwindow = 1\nheartbeat = 1\nack_timeout = 1'),
      fileOf('[novacast]\nport = 2\nwindow = 2\nheartbeat = 2'),
    ]
    const environment = { NOVACAST_PORT: '3', NOVACAST_WINDOW: '3', OTHER: 'x' }
    const { listen, stream } = load({ configPaths: configPaths.map(file), environment, flags: { port: '4' } })
    expect(listen.port).toBe(4)
    expect(stream).toEqual({ window: 3, heartbeatMs: 2000, ackTimeoutMs: 1000 })
  })

  it('are also folders, by name, in the order in which they are given among the files', () => {
    const dir = createFolder()
    writeFileSync(join(dir, '20.conf'), '[novacast]\nport = 20')
    writeFileSync(join(dir, '10.conf'), '[novacast]\nport = 10\nwindow = 10')
    writeFileSync(join(dir, '.hidden.conf'), '[novacast]\nport = 30')
    writeFileSync(join(dir, 'readme.txt'), 'no configuration')
    const one = fileOf('[novacast]\nport = 1\nwindow = 1\nheartbeat = 1')
    const read = (...configPaths: ConfigPath[]) => {
      const { listen, stream } = load({ configPaths })
      return [listen.port, stream.window, stream.heartbeatMs]
    }
    expect(read(file(one), folder(dir))).toEqual([20, 10, 1000])
    expect(read(folder(dir), file(one))).toEqual([1, 1, 1000])
  })

  it("are oslo.config's variables too, before files, for what is Nova's", () => {
    const environment = {
      OS_KEYSTONE_AUTHTOKEN__AUTH_URL: `https://${'$'}{my_host}:5000/v3`,
      OS_DEFAULT__MY_HOST: 'keystone',
      OS_KEYSTONE_AUTHTOKEN__PASSWORD: 't0psecret',
      OS_API_DATABASE__CONNECTION: 'mysql+pymysql://u:p@h/nova_api',
      OS_DEFAULT__TRANSPORT_URL: 'rabbit://h/',
      OS_NOVACAST__PORT: '1',
      OS_PASSWORD: 'of a client',
    }
    expect(loadText(KEYSTONE.replace('keystone:5000', 'elsewhere'), { environment })).toMatchObject({
      listen: { port: 8774 },
      identity: 'keystone',
      servers: 'nova',
      cast: 'rabbitmq',
      keystone: { authUrl: 'https://keystone:5000/v3', auth: { password: 't0psecret' } },
    })
    expect(problemsOf({ environment: { OS_API_DATABASE__CONNECTION: 'mysql://h/nova_api' } })).toEqual([
      expect.stringMatching(/^OS_API_DATABASE__CONNECTION: servers = nova: expected \[keystone_authtoken\] auth_url/),
      expect.stringMatching(/^OS_API_DATABASE__CONNECTION: servers = nova: expected \[DEFAULT\] transport_url/),
    ])
  })

  it('refer to other options in files, and are taken as they are elsewhere', () => {
    const text = `[DEFAULT]\nmy_ip = 127.0.0.7\n[novacast]\nhost = $my_ip\npath_prefix = /a\n${KEYSTONE.replace('keystone:', `${'$'}{my_ip}:`).replace('s3cret', () => 'a$$b')}`
    const { listen, keystone } = loadText(text)
    expect(listen.host).toBe('127.0.0.7')
    expect(keystone).toMatchObject({ authUrl: 'https://127.0.0.7:5000/v3', auth: { password: 'a$b' } })
    expect(load({ environment: { NOVACAST_DATA_DIR: '/tmp/a$b' } }).dataDir).toBe('/tmp/a$b')
  })

  it('that cannot be read are said, all of them', () => {
    const problems = problemsOf({
      configPaths: [file('/nowhere/a.conf'), file(fileOf('x')), file(createFolder()), folder('/nowhere')],
    })
    expect(problems).toEqual([
      '/nowhere: expected a folder of *.conf files: it does not exist',
      '/nowhere/a.conf: expected a configuration file: it does not exist',
      'nova.conf:1: expected option = value',
      expect.stringMatching(/expected a configuration file: it is a folder$/),
    ])
    const latin = join(createFolder(), 'latin.conf')
    writeFileSync(latin, Buffer.from('[a]\nb = \xe9', 'latin1'))
    expect(problemsOf({ configPaths: [file(latin)] })).toEqual(['latin.conf: expected a configuration file: it is not UTF-8'])
  })
})

describe('what is wrong', () => {
  it('is said with file, line and what was expected, all at once', () => {
    const text = '[novacast]\nhots = x\nport = 99999\n[oslo_middleware]\nmax_request_body_size = lots\n[other]\nwhatever = 1'
    const environment = { NOVACAST_WINDOW: '0', NOVACAST_WINDWO: '1', NOVACAST_FOO_BAR: '1' }
    expect(problemsOfText(text, { environment, flags: { heartbeat: 'soon' } })).toEqual([
      'nova.conf:2: [novacast] hots: expected an option of novacast (perhaps host)',
      'NOVACAST_WINDWO: expected NOVACAST_ and an option of novacast in capitals (perhaps window)',
      'NOVACAST_FOO_BAR: expected NOVACAST_ and an option of novacast in capitals (novacast config prints all that there are)',
      'nova.conf:3: [novacast] port: expected a whole number from 0 to 65535, not "99999"',
      'nova.conf:5: [oslo_middleware] max_request_body_size: expected a whole number from 1 to 1073741824, not "lots"',
      '--heartbeat: [novacast] heartbeat: expected a number of seconds from 0.05 to 3600, not "soon"',
      'NOVACAST_WINDOW: [novacast] window: expected a whole number from 1 to 100000, not "0"',
    ])
  })

  it.each([
    ['identity', 'ldap', 'expected noauth or keystone, not "ldap"'],
    ['max_microversion', '2.0', 'expected a microversion from 2.1 to 2.104, not "2.0"'],
    ['max_microversion', '2.105', 'expected a microversion from 2.1 to 2.104, not "2.105"'],
    ['max_microversion', '93', 'expected a microversion'],
    ['all_unknown', '200', 'expected 404 or 207, not "200"'],
    ['path_prefix', 'compute', 'expected nothing, or a path like /compute, not "compute"'],
    ['path_prefix', '/a/../b?c', 'expected nothing, or a path like /compute'],
    ['insecure_noauth', 'maybe', 'expected true or false'],
    ['host', 'a b', 'expected an IP address or the name of this machine, not "a b"'],
    ['log_level', 'loud', 'expected trace, debug, info, warn, error, fatal or silent, not "loud"'],
    ['connection', 'oracle://u:topsecret@h/d', 'expected sqlite:/// and the path of a file, or the URL of a database'],
    ['connection', 'sqlite://', 'expected sqlite:/// and the path of a file'],
    ['window', '$nowhere', 'expected an option that is set after the dollar sign, not nowhere; $$ stands for a dollar sign'],
  ])('%s = %s', (name, value, expected) => {
    const problems = problemsOfText(`[novacast]\n${name} = ${value}`)
    expect(problems).toEqual([expect.stringContaining(`nova.conf:2: [novacast] ${name}: ${expected}`)])
    expect(problems[0]).not.toContain('topsecret')
  })

  it('never shows a secret', () => {
    const secrets = ALL_OPTIONS.filter((option) => option.isSecret)
    expect(secrets.map(({ name }) => name)).toEqual([
      'connection',
      'transport_url',
      'connection',
      'connection_parameters',
      'connection',
      'connection_parameters',
      'password',
      'application_credential_secret',
      'memcache_secret_key',
    ])
    for (const value of ['t0psecret$nowhere', 'x$t0psecret', 't0psecret $', '"t0psecret']) {
      const all = secrets.map(({ section, name }) => `[${section}]\n${name} = ${value}\n`).join('')
      const problems = problemsOfText(
        `${all}[novacast]\nidentity = keystone\nport = x\n[keystone_authtoken]\nmemcache_security_strategy = MAC`,
      )
      expect(problems.length).toBeGreaterThan(2)
      expect(problems.join('\n')).not.toContain('t0psecret')
    }
    const url = problemsOfText('[keystone_authtoken]\nauth_url = http://nova:t0psecret@keystone/')
    expect(url.join('\n')).toContain('//***@keystone/')
    expect(url.join('\n')).not.toContain('t0psecret')
    const referred = `${KEYSTONE.replace('s3cret', 't0psecret')}[novacast]\nport = $keystone_authtoken.password\n`
    expect(problemsOfText(referred)).toEqual([expect.stringMatching(/, not "\$keystone_authtoken\.password"$/)])
    expect(problemsOfText('t0psecret\n')).toEqual(['nova.conf:1: expected option = value'])
  })
})

describe('whatever a file says', () => {
  const word = fc.constantFrom(
    '[novacast]',
    '[',
    ']',
    '=',
    ':',
    'port',
    'password',
    '$',
    '$a.b',
    '{',
    '}',
    '"',
    '\\',
    ' ',
    '\n',
    '\n ',
    '\0',
    'é',
  )
  const text = fc.oneof(
    fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
    fc.string({ unit: 'binary' }),
  )

  it('it is understood, or refused with a reason', () => {
    const path = fileOf('')
    fc.assert(
      fc.property(text, (content) => {
        writeFileSync(path, content)
        for (const problem of problemsOf({ configPaths: [file(path)] })) expect(problem).toMatch(/^nova\.conf/)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('what follows from what is there', () => {
  it('is Keystone from auth_url, unless identity says otherwise', () => {
    expect(loadText(KEYSTONE).identity).toBe('keystone')
    expect(loadText(`${KEYSTONE}[novacast]\nidentity = noauth`)).toMatchObject({ identity: 'noauth', keystone: null })
    expect(loadText('[keystone_authtoken]\nauth_url =\n').identity).toBe('noauth')
  })

  it('is a part of the cloud from a nova.conf as it is', () => {
    const text =
      '[DEFAULT]\ntransport_url = rabbit://u:t0psecret@h/\ncontrol_exchange = nova2\n' +
      '[api_database]\nconnection = mysql+pymysql://u:t0psecret@h/nova_api\nconnection_parameters = ssl_ca=/a.pem&charset=utf8\n' +
      '[database]\nconnection = mysql+pymysql://u:t0psecret@h/nova\nconnection_parameters = ssl_ca=/c.pem\n' +
      `[oslo_messaging_rabbit]\nssl = true\nkombu_ssl_ca_certs = /ca.pem\nkombu_reconnect_delay = 0.5\nrabbit_ha_queues = true\n${KEYSTONE}`
    expect(loadText(text)).toMatchObject({
      identity: 'keystone',
      servers: 'nova',
      cast: 'rabbitmq',
      nova: {
        apiDatabase: 'mysql+pymysql://u:t0psecret@h/nova_api',
        apiDatabaseParameters: 'ssl_ca=/a.pem&charset=utf8',
        database: 'mysql+pymysql://u:t0psecret@h/nova',
        databaseParameters: 'ssl_ca=/c.pem',
        transportUrl: 'rabbit://u:t0psecret@h/',
        controlExchange: 'nova2',
        rabbit: {
          ssl: 'true',
          ssl_ca_file: '/ca.pem',
          kombu_reconnect_delay: '0.5',
          rabbit_interval_max: '30',
          ssl_key_file: '',
        },
        deferUnlocated: true,
      },
    })
    expect(loadText(`${text}[novacast]\nservers = registry\ncast = stream`)).toMatchObject({
      servers: 'registry',
      cast: 'stream',
    })
  })

  it('is refused where it cannot be', () => {
    expect(problemsOf({ flags: { servers: 'nova', identity: 'noauth', cast: 'stream' } })).toEqual([
      '--servers: servers = nova: expected [api_database] connection, the URL of the database nova_api',
    ])
    expect(problemsOfText('[DEFAULT]\ntransport_url = rabbit://u:t0psecret@h/\n')).toEqual([
      expect.stringMatching(/^nova\.conf:2: cast = rabbitmq goes with servers = nova alone/),
    ])
    const shared = 'postgresql://u:t0psecret@h/journal'
    const [problem, ...others] = problemsOf({ flags: { connection: shared } })
    expect(problem).toMatch(/^--connection: a journal in a database goes with servers = nova and cast = rabbitmq alone/)
    expect(`${problem}${others}`).not.toContain('t0psecret')
  })

  it('is neither noauth nor streams where servers are those of Nova: a nova.conf that is not whole is refused', () => {
    const database = '[api_database]\nconnection = mysql+pymysql://u:t0psecret@h/nova_api\n'
    const bus = '[DEFAULT]\ntransport_url = rabbit://u:t0psecret@h/\n'
    const older = '[keystone_authtoken]\nauth_uri = https://keystone:5000/v3\n'
    const needsKeystone =
      'nova.conf:2: servers = nova: expected [keystone_authtoken] auth_url, the URL of Keystone, or [novacast] identity = noauth, ' +
      'which lets anyone do anything'
    const needsBus =
      'nova.conf:2: servers = nova: expected [DEFAULT] transport_url, the message bus of nova-computes, or [novacast] cast = rabbitmq or stream'
    expect(problemsOfText(database)).toEqual([needsKeystone, needsBus])
    expect(problemsOfText(database + bus + older)).toEqual([needsKeystone])
    expect(problemsOfText(database + bus + KEYSTONE.replace('auth_url =', 'auth_url =\n#'))).toEqual([needsKeystone])
    expect(problemsOfText(`${database}${bus}[keystone_authtoken]\nauth_section = ks\n${KEYSTONE}`)).toEqual([
      needsKeystone.replace('keystone_authtoken', 'ks'),
    ])
    expect(problemsOfText(database + KEYSTONE)).toEqual([needsBus])
    expect(problemsOfText(database + bus + older, { flags: { servers: 'nova' } })).toEqual([
      needsKeystone.replace('nova.conf:2', '--servers'),
    ])
    const said = '[novacast]\nidentity = noauth\ncast = stream\n'
    expect(loadText(database + said)).toMatchObject({ identity: 'noauth', servers: 'nova', cast: 'stream' })
    expect(loadText(`${database}${KEYSTONE}[novacast]\ncast = rabbitmq`)).toMatchObject({
      identity: 'keystone',
      cast: 'rabbitmq',
    })
  })

  it('is log level debug from [DEFAULT] debug', () => {
    expect(loadText('[DEFAULT]\ndebug = true').log.level).toBe('debug')
    expect(loadText('[DEFAULT]\ndebug = true\n[novacast]\nlog_level = WARN').log.level).toBe('warn')
  })

  it('is the journal in data_dir, unless connection names a file', () => {
    expect(load({ flags: { data_dir: '/data' } })).toMatchObject({
      dataDir: '/data',
      journal: { kind: 'sqlite', file: '/data/novacast.db' },
    })
    const named = load({ flags: { connection: 'sqlite:////var/lib/x.db' } })
    expect(named).toMatchObject({ journal: { kind: 'sqlite', file: '/var/lib/x.db' } })
    expect(load({ flags: { connection: 'sqlite:///x.db' } }).journal).toEqual({ kind: 'sqlite', file: resolve('x.db') })
  })
})

describe('[novacast] event_ttl', () => {
  const ttlOf = (value: string) => loadText(`[novacast]\nevent_ttl = ${value}`).delivery.ttlSeconds

  it('says how long deliveries are worth making, by the name of the event', () => {
    expect(ttlOf('network-vif-plugged:300, network-changed : 86400,')).toEqual({
      'network-vif-plugged': 300,
      'network-changed': 86_400,
    })
    expect(ttlOf('')).toEqual({})
  })

  it.each([
    ['network-chnged:5'],
    ['network-changed'],
    ['network-changed:0'],
    ['network-changed:-1'],
    ['network-changed:1.5'],
    ['network-changed:31536001'],
    ['network-changed:soon'],
    ['network-changed:5, network-changed:6'],
    ['network-changed:5, , power-update:6'],
  ])('%s stops the start', (value) => {
    expect(problemsOfText(`[novacast]\nevent_ttl = ${value}`)).toEqual([
      expect.stringMatching(/nova\.conf:2: \[novacast\] event_ttl: expected name:seconds .* one of network-changed, .* not "/),
    ])
  })
})

describe('noauth', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', '[::1]', 'localhost'])('listens on %s', (host) => {
    expect(load({ flags: { host } }).identity).toBe('noauth')
  })

  it.each(['0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', 'controller', '127.0.0.1.example'])(
    'does not listen on %s',
    (host) => {
      const [problem, ...others] = problemsOf({ environment: { NOVACAST_HOST: host } })
      expect(problem).toMatch(/^NOVACAST_HOST: \[novacast\] host: expected an address of this machine alone.*--insecure-noauth/)
      expect(others).toEqual([])
      expect(load({ flags: { host, insecure_noauth: 'true' } }).listen.insecureNoauth).toBe(true)
      expect(loadText(KEYSTONE, { flags: { host } }).identity).toBe('keystone')
    },
  )
})

describe('[keystone_authtoken]', () => {
  const authOf = (text: string) => loadText(text).keystone?.auth

  it("is read with keystonemiddleware's defaults", () => {
    expect(loadText(KEYSTONE).keystone).toEqual({
      authUrl: 'https://keystone:5000/v3',
      wwwAuthenticateUri: 'https://keystone:5000/v3',
      regionName: null,
      interface: 'internal',
      cafile: null,
      insecure: false,
      connectTimeoutMs: null,
      retries: 3,
      tokenCacheSeconds: 300,
      memcachedServers: [],
      memcacheSecurityStrategy: 'none',
      memcacheSecretKey: null,
      serviceTokenRoles: ['service'],
      serviceTokenRolesRequired: false,
      includeServiceCatalog: true,
      auth: {
        kind: 'password',
        username: 'nova',
        userId: null,
        userDomainId: null,
        userDomainName: 'Default',
        password: 's3cret',
        projectId: null,
        projectName: 'service',
        projectDomainId: null,
        projectDomainName: 'Default',
        systemScope: null,
      },
    })
  })

  it('is read whole', () => {
    const more = `www_authenticate_uri = http://public/identity/
region_name = RegionOne
interface = publicURL
cafile = /etc/ssl/ca.pem
insecure = yes
http_connect_timeout = 5
http_request_max_retries = 0
token_cache_time = -1
memcached_servers = a:11211, b:11211,
memcache_security_strategy = encrypt
memcache_secret_key = key
service_token_roles = service, admin
service_token_roles_required = true
include_service_catalog = false
`
    expect(loadText(KEYSTONE + more).keystone).toMatchObject({
      wwwAuthenticateUri: 'http://public/identity/',
      regionName: 'RegionOne',
      interface: 'public',
      cafile: '/etc/ssl/ca.pem',
      insecure: true,
      connectTimeoutMs: 5000,
      retries: 0,
      tokenCacheSeconds: -1,
      memcachedServers: ['a:11211', 'b:11211'],
      memcacheSecurityStrategy: 'encrypt',
      memcacheSecretKey: 'key',
      serviceTokenRoles: ['service', 'admin'],
      serviceTokenRolesRequired: true,
      includeServiceCatalog: false,
    })
  })

  it('has older names, which count less than the newer within a file', () => {
    const text = `[keystone_authtoken]
auth_url = http://keystone/
auth_plugin = password
auth_uri = http://public/
user-name = old
username = new
password = x
tenant-name = service
user_domain_id = default
project-domain-id = default
memcache_servers = m:11211
`
    expect(loadText(text).keystone).toMatchObject({
      authUrl: 'http://keystone',
      wwwAuthenticateUri: 'http://public/',
      memcachedServers: ['m:11211'],
      auth: { username: 'new', projectName: 'service', projectDomainId: 'default' },
    })
  })

  it('takes the credentials from another section where auth_section says so', () => {
    const text = `[keystone_authtoken]\nauth_section = service_auth\ntoken_cache_time = 7\n${KEYSTONE.replace('keystone_authtoken', 'service_auth')}`
    expect(loadText(text)).toMatchObject({
      identity: 'keystone',
      keystone: { authUrl: 'https://keystone:5000/v3', tokenCacheSeconds: 7, auth: { password: 's3cret' } },
    })
  })

  it('fills in default domains for the generic plugin alone', () => {
    const text = `${KEYSTONE.replaceAll(/.*_domain_name.*\n/g, '')}default_domain_id = default\n`
    expect(authOf(text)).toMatchObject({ userDomainId: 'default', projectDomainId: 'default' })
    expect(problemsOfText(`${text}auth_type = v3password\n`)).toEqual([
      'nova.conf:2: expected [keystone_authtoken] user_domain_name or user_domain_id beside username',
      'nova.conf:2: expected [keystone_authtoken] project_domain_name or project_domain_id beside project_name',
    ])
  })

  it('takes application credentials', () => {
    const start = '[keystone_authtoken]\nauth_url = http://keystone\nauth_type = v3applicationcredential\n'
    const secret = 'application_credential_secret = s3cret\n'
    expect(authOf(`${start}application_credential_id = id\n${secret}`)).toEqual({
      kind: 'application-credential',
      id: 'id',
      name: null,
      secret: 's3cret',
      username: null,
      userId: null,
      userDomainId: null,
      userDomainName: null,
    })
    const named = `${start}${secret}application_credential_name = n\nusername = u\nuser_domain_id = d\n`
    expect(authOf(named)).toMatchObject({ id: null, name: 'n', username: 'u', userDomainId: 'd' })
    expect(problemsOfText(start)).toEqual([
      'nova.conf:2: expected [keystone_authtoken] application_credential_id, or application_credential_name and username',
      'nova.conf:2: expected [keystone_authtoken] application_credential_secret',
    ])
  })

  it('says what is missing', () => {
    expect(problemsOfText('[keystone_authtoken]\nauth_url = http://keystone\n')).toEqual([
      'nova.conf:2: expected [keystone_authtoken] username or user_id',
      'nova.conf:2: expected [keystone_authtoken] password',
      'nova.conf:2: expected [keystone_authtoken] project_name or project_id',
    ])
    expect(problemsOfText('[novacast]\nidentity = keystone\n')).toContain(
      'nova.conf:2: identity = keystone: expected [keystone_authtoken] auth_url, the URL of Keystone',
    )
    expect(problemsOfText(`${KEYSTONE}auth_type = v3totp\nmemcache_security_strategy = MAC`)).toEqual([
      'nova.conf:9: expected [keystone_authtoken] memcache_secret_key beside this',
      'nova.conf:8: [keystone_authtoken] auth_type: expected password, v3password or v3applicationcredential, not "v3totp"',
    ])
  })
})

describe("Nova's other options", () => {
  it('are read by their names and their older names', () => {
    const text = `[api]
compute_link_prefix = http://public/compute
[oslo_middleware]
enable_proxy_headers_parsing = true
max_request_body_size = 1000
`
    expect(loadText(text).api).toMatchObject({
      computeLinkPrefix: 'http://public/compute',
      proxyHeaders: true,
      maxBodyBytes: 1000,
    })
    const older = '[DEFAULT]\nosapi_compute_link_prefix = http://old\nosapi_max_request_body_size = 2000\n'
    expect(loadText(older).api).toMatchObject({ computeLinkPrefix: 'http://old', maxBodyBytes: 2000 })
  })

  it('that novacast does not know do no harm', () => {
    expect(
      loadText('[DEFAULT]\nhost = compute-9\nport = x\n[libvirt]\nvirt_type = kvm\n[nova_cast]\nfoo = bar').listen.port,
    ).toBe(8774)
  })
})

describe('[oslo_policy]', () => {
  it('finds files beside the configuration, as oslo.config does', () => {
    const [first, second, dir] = [fileOf(''), fileOf(''), createFolder()]
    const policyOf = (text = '') => {
      writeFileSync(second, text)
      return load({ configPaths: [file(first), file(second), folder(dir)], environment: { HOME: '/nowhere' } }).policy
    }
    expect(policyOf()).toEqual({
      file: join(dir, 'policy.yaml'),
      dirs: [join(dir, 'policy.d')],
      defaultRule: 'default',
      enforceScope: false,
    })
    writeFileSync(join(dirname(first), 'policy.json'), '{}')
    expect(policyOf().file).toBe(join(dirname(first), 'policy.json'))
    writeFileSync(join(dirname(first), 'policy.yaml'), '')
    expect(policyOf().file).toBe(join(dirname(first), 'policy.yaml'))
    writeFileSync(join(dirname(second), 'policy.yaml'), '')
    mkdirSync(join(dirname(first), 'more.d'))
    const text =
      '[oslo_policy]\npolicy_dirs = more.d\npolicy_dirs = /etc/elsewhere.d\nenforce_scope = true\npolicy_default_rule = x\n'
    expect(policyOf(text)).toEqual({
      file: join(dirname(second), 'policy.yaml'),
      dirs: [join(dirname(first), 'more.d'), '/etc/elsewhere.d'],
      defaultRule: 'x',
      enforceScope: true,
    })
    expect(policyOf('[DEFAULT]\npolicy_file = /etc/nowhere/rules.yaml').file).toBe('/etc/nowhere/rules.yaml')
  })
})
