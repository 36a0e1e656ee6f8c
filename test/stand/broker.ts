import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { RabbitmqInfo } from './services/rabbitmq.ts'
import type { Rabbitmq } from './stand.ts'

const ALL = ['.*', '.*', '.*']

/** A broker as suites see it. */
export function toRabbitmq(info: RabbitmqInfo): Rabbitmq {
  const { host, port, user, password, environment } = info
  const ctl = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('/usr/lib/rabbitmq/bin/rabbitmqctl', ['--quiet', ...args], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', ...environment },
    })
    return stdout
  }
  return {
    host,
    port,
    user,
    password,
    url: (vhost = '/') => `amqp://${user}:${password}@${host}:${port}/${encodeURIComponent(vhost)}`,
    // In a transport_url `/` is named by nothing behind the slash.
    transportUrl: (vhost = '/') => `rabbit://${user}:${password}@${host}:${port}/${vhost === '/' ? '' : vhost}`,
    createVhost: async (name = `own_${randomBytes(6).toString('hex')}`) => {
      await ctl('add_vhost', name)
      await ctl('set_permissions', '-p', name, user, ...ALL)
      return name
    },
    createUser: async (name, vhosts) => {
      await ctl('add_user', name, name)
      for (const vhost of vhosts) await ctl('set_permissions', '-p', vhost, name, ...ALL)
    },
    ctl,
  }
}
