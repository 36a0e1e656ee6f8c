import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { configFor, identify, keepLog, openKeystone } from './cloud.ts'
import { openProxy } from './proxies.ts'

const stand = await useStand('keystone')

describeOn(stand, 'TLS to Keystone', ({ keystone }) => {
  const folder = mkdtempSync(join(tmpdir(), 'novacast-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const good = makeCertificate(folder, 'good', 'IP:127.0.0.1')
  const other = makeCertificate(folder, 'other', 'DNS:elsewhere.example')

  it('is believed with a certificate that cafile vouches for', async () => {
    const proxy = await openProxy(keystone.url, good)
    const identity = openKeystone(configFor(proxy.url, { cafile: good.path }))
    expect((await identify(identity, await keystone.token('neutron'))).kind).toBe('valid')
  })

  it('is not believed with one that nobody vouches for: nothing is sent, and the log says what to do', async () => {
    const proxy = await openProxy(keystone.url, good)
    const { log, lines } = keepLog()
    const token = await keystone.token('neutron')
    for (const cafile of [null, other.path])
      expect((await identify(openKeystone(configFor(proxy.url, { cafile }), log), token)).kind).toBe('unavailable')
    expect(proxy.requests).toEqual([])
    expect(lines.join()).toContain('cafile')
  })

  it('is not believed with one that is for another name', async () => {
    const proxy = await openProxy(keystone.url, other)
    const identity = openKeystone(configFor(proxy.url, { cafile: other.path }))
    expect((await identify(identity, 'token')).kind).toBe('unavailable')
    expect(proxy.requests).toEqual([])
  })

  it('is not asked for certificates where insecure says so', async () => {
    const proxy = await openProxy(keystone.url, other)
    const identity = openKeystone(configFor(proxy.url, { insecure: true }))
    expect((await identify(identity, await keystone.token('neutron'))).kind).toBe('valid')
  })

  it('cannot be configured with a cafile that cannot be read', () => {
    expect(() => openKeystone(configFor(keystone.url, { cafile: join(folder, 'none.pem') }))).toThrow(/cafile.*none\.pem/)
  })
})

interface Certificate {
  readonly key: string
  readonly cert: string
  readonly path: string
}

/** Signed by itself. */
function makeCertificate(folder: string, name: string, altName: string): Certificate {
  const path = join(folder, `${name}.pem`)
  const keyPath = join(folder, `${name}.key`)
  const what = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const where = ['-keyout', keyPath, '-out', path]
  execFileSync('openssl', [...what, ...where, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${altName}`], {
    stdio: 'ignore',
  })
  return { key: readFileSync(keyPath, 'utf8'), cert: readFileSync(path, 'utf8'), path }
}
