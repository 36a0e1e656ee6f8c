import { describe, expect, it } from 'vitest'
import { parseTarget } from './target.ts'

describe('parseTarget', () => {
  // Asked of Nova behind uWSGI.
  it.each([
    ['/v2.1/x', '/v2.1/x', ''],
    ['/v2.1/os-server%2Dexternal-events?a=%20#b', '/v2.1/os-server-external-events', 'a=%20'],
    ['/a%2Fb', '/a/b', ''],
    ['/a/./b/../c', '/a/c', ''],
    ['/a/b/../../../c', '/c', ''],
    ['/v2.1/..', '/', ''],
    ['/v2.1/.', '/v2.1/', ''],
    ['/a/%2e%2e/b', '/a/../b', ''],
    ['/a/.b/..c/...', '/a/.b/..c/...', ''],
    ['/nope%', '/nope', ''],
    ['/nope%4', '/nope', ''],
    ['/nope%%41', '/nope%41', ''],
    ['/nope%zz', '/nope\0', ''],
    ['http://other.example/v2.1/?x', '/v2.1/', 'x'],
    ['?x', '', 'x'],
    ['/%C3%A9', '/é', ''],
  ])('reads %s', (url, path, query) => {
    expect(parseTarget(url)).toEqual({ path, query })
  })

  it.each(['*', 'nope', '/%ff', '/a%c3'])('refuses %s', (url) => {
    expect(() => parseTarget(url)).toThrow(/must be a path|not UTF-8/)
  })
})
