import { describe, expect, it } from 'vitest'
import { parseMemcachedServer } from './memcached.ts'

describe('a server of memcached_servers', () => {
  it.each([
    ['127.0.0.1:11212', '127.0.0.1', 11212],
    ['cache', 'cache', 11211],
    ['[::1]:11212', '::1', 11212],
    ['inet6:[fd00::1]:11212', 'fd00::1', 11212],
    ['inet:cache:1', 'cache', 1],
  ])('%s is port and host', (server, host, port) => {
    expect(parseMemcachedServer(server)).toEqual({ host, port })
  })

  it.each(['', ':11211', 'cache:0', 'cache:99999', 'cache:x', 'unix:/run/memcached', '::1', 'a b', 'http://cache:1'])(
    '%j is none',
    (server) => {
      expect(parseMemcachedServer(server)).toBeNull()
    },
  )
})
