import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkBrokers } from '../../../src/cast/rabbitmq/check.ts'
import { CELL } from '../../nova/captures.ts'
import { createPorts } from '../../stand/ports.ts'
import type { Own, Rabbitmq } from '../../stand/stand.ts'
import { describeOn, startRabbitmq, useStand } from '../../stand/use-stand.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { casterOf, castOf, cellTable } from './rig.ts'

const stand = await useStand()

describeOn(stand, 'a broker that speaks TLS', () => {
  let broker: Rabbitmq & Own
  let certificates: Certificates
  let other: Certificates
  /** With the name in the certificate, and with one that is not. */
  let url: (host: string) => string

  beforeAll(async () => {
    certificates = makeCertificates('DNS:localhost')
    other = makeCertificates('DNS:localhost')
    const [made, port] = await Promise.all([startRabbitmq(), createPorts()()])
    broker = made
    const { ca, cert, key } = certificates
    const files = `[{cacertfile,"${ca}"},{certfile,"${cert}"},{keyfile,"${key}"}]`
    await broker.ctl(
      'eval',
      `{ok,_} = application:ensure_all_started(ssl), ok = rabbit_networking:start_ssl_listener({"127.0.0.1",${port}}, ${files}, 2).`,
    )
    url = (host) => `rabbit://${broker.user}:${broker.password}@${host}:${port}/`
  }, 120_000)
  afterAll(async () => {
    certificates.remove()
    other.remove()
    await broker.remove()
  })

  async function resultWith(host: string, options: Record<string, string>) {
    return casterOf(cellTable(url(host)), { ssl: 'true', ...options }).caster.cast(castOf('nowhere'))
  }

  it('is spoken to when its certificate is from the authority that is named', async () => {
    expect((await resultWith('localhost', { ssl_ca_file: certificates.ca })).kind).toBe('returned')
    expect((await resultWith('localhost', { ssl_ca_file: certificates.ca, ssl_version: 'TLSv1_2' })).kind).toBe('returned')
  })

  it('is spoken to unverified where no authority is named, as oslo.messaging does', async () => {
    expect((await resultWith('127.0.0.1', {})).kind).toBe('returned')
  })

  it('is not spoken to when its certificate is from another authority', async () => {
    expect(await resultWith('localhost', { ssl_ca_file: other.ca })).toMatchObject({
      kind: 'away',
      reason: expect.stringMatching(/certificate/),
    })
  })

  it('is not spoken to when its certificate is for another name, unless names are not to be looked at', async () => {
    const options = { ssl_ca_file: certificates.ca }
    expect(await resultWith('127.0.0.1', options)).toMatchObject({
      kind: 'away',
      reason: expect.stringMatching(/not in the cert's list|altnames/),
    })
    expect((await resultWith('127.0.0.1', { ...options, ssl_enforce_hostname_verification: 'false' })).kind).toBe('returned')
  })

  it('says in a check how to have names not looked at, which oslo.messaging of stable branches does not do by default', async () => {
    const check = (rabbit: Record<string, string>) => {
      const cells = [{ id: CELL, name: 'cell1', transportUrl: url('127.0.0.1'), isDisabled: false }]
      return checkBrokers({ cells, rabbit: { ssl: 'true', ssl_ca_file: certificates.ca, ...rabbit }, controlExchange: 'nova' })
    }
    const mend = expect.stringContaining('ssl_enforce_hostname_verification = false')
    expect(await check({})).toMatchObject([{ ok: false, mend }])
    expect(await check({ ssl_enforce_hostname_verification: 'false' })).toMatchObject([{ ok: true }])
  })

  it('is found by what the transport URL says, against the configuration', async () => {
    const { caster } = casterOf(cellTable(`${url('localhost')}?ssl=1&ssl_ca_file=${encodeURIComponent(certificates.ca)}`), {
      ssl: 'false',
    })
    expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
  })

  it('is away, with the reason, when it is spoken to without TLS or a file is missing', async () => {
    const { caster } = casterOf(cellTable(url('localhost')))
    expect((await caster.cast(castOf('nowhere'))).kind).toBe('away')
    expect(await resultWith('localhost', { ssl_ca_file: '/nowhere/ca.pem' })).toMatchObject({
      reason: expect.stringContaining('/nowhere/ca.pem'),
    })
  })
})
