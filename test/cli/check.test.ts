import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort, portOf } from '../sdk/peer.ts'
import { runCommand } from './command.ts'
import { startService } from './service.ts'

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'novacast-check-test-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

const check = (...args: string[]) => runCommand(['check', '--data-dir', temporary(), ...args])

describe('novacast check', () => {
  it('says of everything that is configured that it works', async () => {
    const { code, stdout, stderr } = await check('--port', String(await freePort()))
    const lines = stdout.trimEnd().split('\n')
    expect(lines.every((line) => /^ok {5}[a-z ]+: ./.test(line))).toBe(true)
    for (const name of ['configuration', 'policy', 'journal', 'listen address']) expect(stdout).toContain(name)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('says what is wrong and how to mend it, and goes on', async () => {
    const { code, stdout } = await check('--host', '192.0.2.1', '--insecure-noauth')
    expect(stdout).toMatch(
      /^wrong {2}listen address: 192\.0\.2\.1:8774: .*\. To mend it: give an address of this machine as --host$/m,
    )
    expect(stdout).toMatch(/^ok {5}journal/m)
    expect(code).toBe(1)
  })

  it('tells a stranger on the address from a novacast that runs already', async () => {
    const stranger = createServer((socket) => socket.end('hello\r\n'))
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void stranger.close())
    const taken = await check('--port', String(portOf(stranger.address())))
    expect(taken).toMatchObject({ code: 1, stdout: expect.stringContaining('To mend it: stop what listens there') })

    const service = await startService()
    onTestFinished(async () => {
      await service.stop()
    })
    const port = new URL(service.url).port
    expect(await check('--port', port)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`a novacast listens on 127.0.0.1:${port} already`),
    })
  })

  it('reads files and folders in the order of the command line, as the services of OpenStack do', async () => {
    const [folder, other] = [temporary(), temporary()]
    writeFileSync(join(folder, 'one.conf'), '[novacast]\nhost = 127.0.0.2\nport = 0\n')
    writeFileSync(join(other, 'two.conf'), '[novacast]\nhost = 127.0.0.3\n')
    const given = [
      ['--config-dir', folder],
      ['--config-file', join(other, 'two.conf')],
    ]
    expect(await check(...given.flat())).toMatchObject({ stdout: expect.stringContaining('listen address: 127.0.0.3:0') })
    expect(await check(...given.toReversed().flat())).toMatchObject({
      stdout: expect.stringContaining('listen address: 127.0.0.2:0'),
    })
  })

  it('takes no other service of OpenStack for a novacast', async () => {
    const novaApi = createHttpServer((_, answer) => answer.writeHead(401, { 'x-openstack-request-id': 'req-1' }).end('{}'))
    await new Promise<void>((resolve) => novaApi.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void novaApi.close())
    expect(await check('--port', String(portOf(novaApi.address())))).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('To mend it: stop what listens there'),
    })
  })

  it('looks at the rest where the URL of nova_api is none', async () => {
    const conf = join(temporary(), 'nova.conf')
    writeFileSync(conf, '[api_database]\nconnection = nova:geheim@host\n[novacast]\nidentity = noauth\ncast = stream\n')
    const { code, stdout, stderr } = await check('--port', String(await freePort()), '--config-file', conf)
    expect(stdout).toMatch(
      /^wrong {2}nova_api: \[api_database\] connection: .*\. To mend it: correct \[api_database\] connection$/m,
    )
    expect(stdout).toMatch(/^ok {5}listen address/m)
    expect(stdout).not.toContain('geheim')
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  })

  it("leaves alone what Kubernetes says of Services named novacast and novacast-db: a pod's environment is full of it", async () => {
    const of = (name: string) => ({
      [`${name}_SERVICE_HOST`]: '10.96.0.7',
      [`${name}_SERVICE_PORT`]: '8774',
      [`${name}_SERVICE_PORT_HTTP_ALT`]: '8774',
      [`${name}_PORT`]: 'tcp://10.96.0.7:8774',
      [`${name}_PORT_8774_TCP`]: 'tcp://10.96.0.7:8774',
      [`${name}_PORT_8774_TCP_PROTO`]: 'tcp',
      [`${name}_PORT_8774_TCP_PORT`]: '8774',
      [`${name}_PORT_8774_TCP_ADDR`]: '10.96.0.7',
    })
    const environment = { ...of('NOVACAST'), ...of('NOVACAST_DB') }
    const conf = join(temporary(), 'novacast.conf')
    writeFileSync(conf, '[novacast]\nport = 0\n')
    const args = ['check', '--data-dir', temporary(), '--config-file', conf]
    expect(await runCommand(args, { environment })).toMatchObject({ code: 0, stderr: '' })
    const mistakes = { NOVACAST_PORT: 'udp', NOVACAST_SERVICE: '1', NOVACAST_PORTS: 'tcp://10.96.0.7:8774' }
    const { code, stdout } = await runCommand(['check', '--data-dir', temporary()], { environment: mistakes })
    for (const name of Object.keys(mistakes)) expect(stdout).toContain(`${name}: `)
    expect(code).toBe(1)
  })

  it('says all that is wrong with the configuration, a line each', async () => {
    const conf = join(temporary(), 'nova.conf')
    writeFileSync(conf, '[novacast]\nport = ninety\nretention = ever\n')
    const { code, stdout } = await check('--config-file', conf)
    expect(stdout).toMatch(
      /^wrong {2}configuration: .*:2: .*port: .*To mend it: .*\nwrong {2}configuration: .*:3: .*retention: .*\n$/,
    )
    expect(code).toBe(1)
  })

  it('stops at a configuration that cannot be read', async () => {
    const { code, stdout } = await check('--config-file', '/nonsense.conf')
    expect(stdout).toMatch(/^wrong {2}configuration: .*\/nonsense\.conf.*\n$/)
    expect(code).toBe(1)
  })
})

describe('novacast config', () => {
  it('prints a sample that works as a configuration', async () => {
    const { code, stdout, stderr } = await runCommand(['config'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\[novacast\]$/m)
    expect(stdout.split('\n').every((line) => /^(#.*|\[.+\]|)$/.test(line))).toBe(true)
  })
})
