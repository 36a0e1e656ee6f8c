import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cellTarget } from '../../../src/cast/rabbitmq/brokers.ts'
import { hasPython, runPython } from '../../support/python.ts'

const isThere = hasPython(['oslo_messaging', 'kombu'], 'python3-oslo.messaging')
const PEER = join(import.meta.dirname, 'oslo_messaging_peer.py')

type Answer = 'error' | { readonly hosts: readonly (readonly [string, number, string, string])[]; readonly virtual_host: string }

const URLS = [
  'rabbit://',
  'rabbit:///',
  'rabbit://h',
  'rabbit://h/',
  'rabbit://u:p@h:1/v',
  'rabbit://u@h/v',
  'rabbit://:p@h/v',
  'rabbit://u:p@h:0/',
  'rabbit://u:p@h:99999/',
  'rabbit://u:p@h:1,u2:p2@h2:2/v',
  'rabbit://u:p@h:1,h2:2/v',
  'rabbit://u:p@h//',
  'rabbit://u:p@h/%2F',
  'rabbit://u:p@h/a%2Fb',
  'rabbit://u:p@h/a/b',
  'rabbit://u:p@h/a%20b',
  'rabbit://u:p%40%3A@h/v',
  'rabbit://u%40d:p@h/v',
  'rabbit://u:p+q@h/v',
  'rabbit://u:p:q@h/v',
  'rabbit://u:p@[::1]/v',
  'rabbit://u:p@[::1]:77/v',
  'rabbit://u:p@h/v?rabbit_login_method=PLAIN',
  'rabbit://u:p@h/v?ssl=1&rabbit_quorum_queue=true',
  'rabbit://u:p@h/?nope=1',
  'rabbit://u:p@h/v?rabbit_login_method=MAGIC',
  'rabbit://u:p@h/v?heartbeat_timeout_threshold=soon',
  'amqp://u:p@h/v',
  'http://u:p@h/v',
  'h',
]

/** What we would connect to. */
function ours(text: string): Answer {
  const read = cellTarget(text, { rabbit: {}, exchange: 'nova' })
  if (read.kind !== 'target') return 'error'
  const { hosts, virtualHost } = read.target
  const known = hosts.map(({ hostname, port, username, password }) => [hostname, port, username, password] as const)
  return { hosts: known.toSorted(([a], [b]) => (a < b ? -1 : 1)), virtual_host: virtualHost }
}

describe.skipIf(!isThere)('a transport URL', () => {
  const theirs = isThere ? runPython<Answer[]>(PEER, URLS) : []
  it.each(URLS.map((text, index) => [text, theirs[index]] as const))('is read as oslo.messaging reads it: %s', (text, answer) => {
    expect(ours(text)).toEqual(answer)
  })
})
