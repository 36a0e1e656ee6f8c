import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { portOf } from '../sdk/peer.ts'
import { MAIN, runCommand, startCommand } from './command.ts'
import { readLines, type Service, startService, startShell } from './service.ts'

async function start(args: readonly string[] = []): Promise<Service> {
  const service = await startService(args)
  onTestFinished(async () => {
    await service.stop()
  })
  return service
}

const sh = (line: string) => spawnSync('sh', ['-c', line], { encoding: 'utf8' }).stdout

describe('novacast serve', () => {
  it('prints three commands that work as they are: register, follow, send', async () => {
    const service = await start()
    const [register = '', follow = '', send = ''] = service.printed().match(/^ {2}curl .*$/gm) ?? []
    expect(JSON.parse(sh(register))).toMatchObject({ host: 'compute-1' })
    const following = startShell(`exec ${follow.trim()}`)
    onTestFinished(() => void following.process.kill())
    await following.next(/^retry:/)
    expect(JSON.parse(sh(send))).toMatchObject({ events: [{ name: 'network-changed', code: 200, status: 'completed' }] })
    const data = await following.next(/^data:/)
    expect(JSON.parse(data.slice('data:'.length))).toMatchObject({ name: 'network-changed', attempt: 1 })
  })

  it('names commands of its own that do the same', async () => {
    const service = await start()
    const commands = [...service.printed().matchAll(/^ {2}novacast (.*)$/gm)].map(([, command = '']) => command.split(' '))
    const [register = [], follow = [], send = []] = commands
    expect(await runCommand([...register, '-f', 'value', '-c', 'host'])).toMatchObject({ code: 0, stdout: 'compute-1\n' })
    expect(await runCommand([...send, '-f', 'value', '-c', 'code'])).toMatchObject({ code: 0, stdout: '200\n' })
    const agent = readLines(startCommand(follow))
    await agent.next(/network-changed completed/)
    expect(await agent.stop()).toBe(0)
  })

  it('says where the journal is, be it elsewhere than the other data', async () => {
    expect((await start()).printed()).toMatch(/^Its journal is in \/.*\/novacast-cli-\w+\/novacast\.db$/m)
    const folder = mkdtempSync(join(tmpdir(), 'novacast-elsewhere-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'journal.db')
    writeFileSync(join(folder, 'novacast.conf'), `[novacast]\nconnection = sqlite:///${file}\n`)
    expect((await start(['--config-dir', folder])).printed()).toContain(`Its journal is in ${file}\n`)
  })

  it('serves on where its log cannot be written: the disk that it goes to is full', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'novacast-mute-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const mute = startShell(
      `exec '${process.execPath}' ${MAIN} serve --port 0 --data-dir '${folder}' --log-level debug 2>/dev/full`,
    )
    const url = /http:\S+/.exec(await mute.next(/listens on/))?.[0]
    // Each of them is logged.
    for (let i = 0; i < 20; i++) expect((await fetch(`${url}/novacast/v1/hosts`)).status).toBe(401)
    expect(await mute.stop()).toBe(0)
  })

  it('has no colours where there is no terminal', async () => {
    expect((await start()).printed()).not.toContain('\x1b')
  })

  it('stops on SIGTERM with exit code 0, streams and all', async () => {
    const service = await startService()
    const following = startShell(`exec curl -s -N ${service.url}/novacast/v1/hosts/h/events -H 'X-Auth-Token: admin:admin'`)
    await following.next(/^retry:/)
    const startedAt = performance.now()
    expect(await service.stop()).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    await following.stop()
  })

  it('tells load balancers first that it stops, and serves on meanwhile; a second SIGTERM ends it at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'novacast-drain-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'novacast.conf'), '[novacast]\ndrain = 600\n')
    const service = await startService(['--config-dir', folder])
    const ask = async (path: string) => {
      const { status, headers } = await fetch(service.url + path)
      return [status, headers.get('connection')]
    }
    expect(await ask('/healthcheck')).toEqual([200, 'keep-alive'])
    service.process.kill('SIGTERM')
    await expect.poll(() => ask('/healthcheck'), { timeout: 60_000 }).toEqual([503, 'close'])
    expect(await ask('/v2.1/')).toEqual([200, 'close'])
    expect(await service.stop()).toBe(143)
  })

  it('says which address is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const port = portOf(other.address())
    await expect(startService(['--port', String(port)])).rejects.toThrow(`127.0.0.1:${port}`)
  })

  it('does not listen for all the world without asking for tokens, unless told to', async () => {
    await expect(startService(['--host', '0.0.0.0'])).rejects.toThrow('--insecure-noauth')
  })

  it('does not do so on a socket of systemd either', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'novacast-socket-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const holder = join(import.meta.dirname, '../support/socket_activation.py')
    const env = { PATH: process.env['PATH'], LISTEN_ADDRESS: '0.0.0.0' }
    const start = (...args: string[]) =>
      readLines(spawn('python3', [holder, process.execPath, MAIN, 'serve', '--data-dir', folder, ...args], { env }))
    const refused = start()
    onTestFinished(() => void refused.process.kill('SIGTERM'))
    expect(await refused.next(/^novacast: /)).toMatch(/the socket .* listens on 0\.0\.0\.0: .*--insecure-noauth/)
    expect(await refused.next(/^exit /)).toBe('exit 1')
    await refused.stop()
    const told = start('--insecure-noauth')
    onTestFinished(() => void told.process.kill('SIGTERM'))
    await told.next(/listens on http:\/\/0\.0\.0\.0/)
    await told.stop()
  })

  it.each([
    [['--port', '99999'], 1],
    [['--nonsense'], 2],
    [['--config-file', '/nonsense.conf'], 1],
  ])('refuses %j and says why', async (args, expected) => {
    const { code, stderr } = await runCommand(['serve', ...args])
    expect(stderr).toMatch(/^novacast: .+/)
    expect(code).toBe(expected)
  })
})
