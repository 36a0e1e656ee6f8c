import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import description from '../../package.json' with { type: 'json' }
import { freePort } from '../sdk/peer.ts'
import { runCommand } from './command.ts'

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'novacast-usage-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const UUID = '2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071'

describe('a wrong command line', () => {
  it.each([
    [[], 'Usage: novacast'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['servers'], 'Usage: novacast servers'],
    [['servers', 'show'], "missing required argument 'uuid'"],
    [['hosts', 'list', '--nonsense'], "unknown option '--nonsense'"],
    [['hosts', 'list', '-f', 'xml'], 'Allowed choices are table, json, yaml, csv, value.'],
    [['hosts', 'list', '-c', 'nonsense'], 'Columns are host, pending, dispatched, connected, last_seen.'],
    [['events', 'list', '--limit', '-1'], 'Expected a whole number from 0 to'],
    [['events', 'list', '--order', 'random'], 'Allowed choices are newest, oldest.'],
    [['agent', 'compute-1', '--concurrency', '0'], 'Expected a whole number from 1 to 1000.'],
    [['send'], 'give NAME and SERVER, or --file'],
    [['send', 'network-changed', UUID, '--file', 'x'], 'not both'],
    [['hosts', 'list', '--url', 'localhost:8774'], "expected a URL like http://127.0.0.1:8774, got 'localhost:8774'"],
    [['hosts', 'list', '--url', 'https://cloud.example.org'], 'no credentials for https://cloud.example.org'],
  ])('%j exits 2, says what is wrong on standard error, and prints nothing', async (args, words) => {
    const { code, stdout, stderr } = await runCommand(args)
    expect(stderr).toContain(words)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('of a file that holds no events exits 2', async () => {
    const path = join(directory, 'events.json')
    writeFileSync(path, '{"event": 1}')
    expect(await runCommand(['send', '--file', path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected a list of events'),
    })
    expect(await runCommand(['send', '--file', '-'], { input: '[' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('-: not JSON'),
    })
  })

  it('with half of the OS_* variables says which one is missing', async () => {
    const environment = { OS_AUTH_URL: 'http://127.0.0.1:5000/v3', OS_USERNAME: 'neutron' }
    expect(await runCommand(['hosts', 'list'], { environment })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'novacast: OS_AUTH_URL is set, but OS_PASSWORD is not\n',
    })
  })
})

describe('a failure', () => {
  it('is one clear line and exit code 1', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { code, stdout, stderr } = await runCommand(['hosts', 'list'], { environment: { NOVACAST_URL: url } })
    expect(stderr).toBe(
      `novacast: GET ${url}/novacast/v1/hosts?limit=101: connection refused: nothing listens there (ECONNREFUSED). Is novacast running? --url or NOVACAST_URL says where it is\n`,
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })

  it('of a file is told with its name', async () => {
    expect(await runCommand(['send', '--file', '/nonsense'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("'/nonsense'"),
    })
    expect(await runCommand(['servers', 'import', directory])).toMatchObject({
      code: 1,
      stderr: `novacast: ${directory} is a directory\n`,
    })
  })

  it('of db upgrade is that no file names a database: the schema would stay as it is', async () => {
    const path = join(directory, 'nova.conf')
    writeFileSync(path, '[api_database]\nconnection = mysql+pymysql://nova:t0psecret@db/nova_api\n')
    const { code, stdout, stderr } = await runCommand(['db', 'upgrade', '--config-file', path])
    expect(stderr).toMatch(/^novacast: \[novacast\] connection is not set here: .*--config-file .*novacast\.conf\n$/)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const args = ['db', 'upgrade', '--config-file', path, '--config-file', join(directory, 'novacast.conf')]
    writeFileSync(join(directory, 'novacast.conf'), '[novacast]\nconnection = sqlite:////var/lib/novacast/novacast.db\n')
    expect(await runCommand(args)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^nothing to do: the journal is the file/),
    })
  })

  it('shows where it comes from with --debug', async () => {
    const { stderr } = await runCommand(['--debug', 'hosts', 'list', '--url', `http://127.0.0.1:${await freePort()}`])
    expect(stderr).toMatch(/^novacast: GET .*\nConnectionError: .*\n {4}at /)
  })
})

describe('help', () => {
  const leaves = [
    'send',
    'agent',
    'demo',
    'serve',
    'check',
    'config',
    'db upgrade',
    'hosts list',
    'hosts show',
    'events list',
    'events show',
    'events tail',
  ]
  const more = ['servers list', 'servers show', 'servers set', 'servers delete', 'servers import']
  it.each([...leaves, ...more])('of %s has an example, on standard output', async (command) => {
    const { code, stdout, stderr } = await runCommand([...command.split(' '), '--help'])
    expect(stdout).toContain(`Usage: novacast ${command}`)
    expect(stdout).toMatch(new RegExp(`Examples?:\\n.*novacast ${command}`, 's'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('names every command', async () => {
    const { stdout } = await runCommand(['--help'])
    for (const command of ['serve', 'check', 'config', 'db', 'send', 'servers', 'hosts', 'events', 'agent', 'demo'])
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })
})

describe('--version', () => {
  it("is the package's", async () => {
    expect(await runCommand(['--version'])).toEqual({ code: 0, stdout: `${description.version}\n`, stderr: '' })
  })
})
