import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { createClient } from './client.ts'
import { describeOn, useStand } from './use-stand.ts'
import { isListening, waitFor } from './wait.ts'

const stand = await useStand()

describeOn(stand, 'nothing of a stand is left', () => {
  it.each<[string, (daemon: ChildProcess) => unknown]>([
    ['when its run ends, or whoever runs the tests is killed', (daemon) => daemon.stdin?.end()],
    ['when it is told to end', (daemon) => daemon.kill('SIGTERM')],
    ['when it is interrupted', (daemon) => daemon.kill('SIGINT')],
  ])('%s', async (_, end) => {
    const { daemon, root, ports } = await startStand()
    end(daemon)
    await once(daemon, 'exit')
    expect(await Promise.all(ports.map(isListening))).toEqual(ports.map(() => false))
    expect(existsSync(root)).toBe(false)
  })

  it('when it ends while a service is being started', async () => {
    const { daemon, root, client } = await startStand()
    const starting = client.own('keystone').catch((error: unknown) => error)
    await waitFor('the start of Keystone', () => (existsSync(join(root, 'own-keystone-1')) ? true : null))
    daemon.stdin?.end()
    await once(daemon, 'exit')
    expect(await starting).toBeInstanceOf(Error)
    expect(existsSync(root)).toBe(false)
  })

  it('after the next one has started, when it was killed itself', async () => {
    const killed = await startStand()
    killed.daemon.kill('SIGKILL')
    await once(killed.daemon, 'exit')
    expect(await Promise.all(killed.ports.map(isListening))).toEqual([true, true])
    const next = await startStand()
    expect(await Promise.all(killed.ports.map(isListening))).toEqual([false, false])
    expect(existsSync(killed.root)).toBe(false)
    next.daemon.stdin?.end()
    await once(next.daemon, 'exit')
  })
})

/** A stand of its own, with two services up. */
async function startStand() {
  const daemon = spawn(process.execPath, [join(import.meta.dirname, 'daemon.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(daemon.stdout, 'data')) as [Buffer]
  const socket = line.toString().trim()
  const client = createClient(socket)
  const { memcached, mariadb } = await client.use('memcached', 'mariadb')
  return { daemon, client, root: dirname(socket), ports: [Number(memcached.address.split(':')[1]), mariadb.port] }
}
