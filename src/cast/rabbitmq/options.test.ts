import { describe, expect, it } from 'vitest'
import { rabbitOptions } from './options.ts'

describe('rabbitOptions', () => {
  it("are oslo.messaging's defaults where nothing is said", () => {
    const defaults = {
      tls: null,
      loginMethod: 'AMQPLAIN',
      heartbeatSeconds: 60,
      durable: false,
      autoDelete: false,
      retryIntervalMs: 1000,
      retryBackoffMs: 2000,
      retryMaxMs: 30_000,
      reconnectDelayMs: 1000,
      failover: 'round-robin',
    }
    expect(rabbitOptions({})).toEqual(defaults)
    expect(rabbitOptions({ ssl: '', rabbit_login_method: ' ', heartbeat_timeout_threshold: '' })).toEqual(defaults)
  })

  it('take what the URL says before what the file says', () => {
    const file = { ssl: 'true', ssl_ca_file: '/file', amqp_durable_queues: 'True', heartbeat_timeout_threshold: '0' }
    expect(rabbitOptions(file, { ssl_ca_file: '/url', amqp_durable_queues: 'no', rabbit_quorum_queue: 'ON' })).toMatchObject({
      tls: { caFile: '/url', certFile: null, keyFile: null, verifyHostname: true, version: null },
      durable: true,
      heartbeatSeconds: 0,
    })
    expect(rabbitOptions(file, { ssl: '0' }).tls).toBeNull()
  })

  it('leave alone what only consumers need, and refuse what nobody knows where the URL says it', () => {
    expect(() =>
      rabbitOptions({ nobody_knows: 'x' }, { rabbit_qos_prefetch_count: '1', rabbit_stream_fanout: 'true' }),
    ).not.toThrow()
    expect(() => rabbitOptions({}, { nobody_knows: 'x' })).toThrow(/nobody_knows/)
  })

  it.each([
    [{ ssl: 'maybe' }, /ssl: expected true or false, not maybe/],
    [{ rabbit_retry_interval: '-1' }, /rabbit_retry_interval: expected a number/],
    [{ rabbit_login_method: 'MAGIC' }, /rabbit_login_method: expected one of PLAIN, AMQPLAIN, EXTERNAL, not MAGIC/],
    [{ ssl: '1', ssl_version: 'SSLv2' }, /ssl_version: expected one of sslv23, tlsv1/],
  ])('say what was expected: %o', (file, message) => {
    expect(() => rabbitOptions(file)).toThrow(message)
  })
})
