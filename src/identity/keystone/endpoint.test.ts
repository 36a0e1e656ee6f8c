import { describe, expect, it } from 'vitest'
import { findKeystone, toV3 } from './endpoint.ts'

const endpoint = (region: string, kind: string) => ({
  region,
  region_id: region,
  interface: kind,
  url: `http://${kind}.${region}:5000/v3`,
})
const endpoints = ['one', 'two'].flatMap((region) => ['public', 'internal', 'admin'].map((kind) => endpoint(region, kind)))
const catalog = [
  { type: 'compute', endpoints: [{ ...endpoint('one', 'internal'), url: 'http://nova' }] },
  { type: 'identity', endpoints },
]

describe("Keystone's endpoint", () => {
  it('is that of the region and the interface', () => {
    expect(findKeystone(catalog, { regionName: 'two', interface: 'internal' })).toBe('http://internal.two:5000/v3')
    expect(findKeystone(catalog, { regionName: 'one', interface: 'admin' })).toBe('http://admin.one:5000/v3')
  })

  it('is the first of the interface where no region is wished', () => {
    expect(findKeystone(catalog, { regionName: null, interface: 'public' })).toBe('http://public.one:5000/v3')
  })

  it('is null where the catalog has none, or something else', () => {
    expect(findKeystone(catalog, { regionName: 'three', interface: 'public' })).toBeNull()
    expect(findKeystone([], { regionName: null, interface: 'public' })).toBeNull()
    const odd = [null, 'x', { type: 'identity', endpoints: [{ interface: 'public', url: 'not a url' }] }]
    expect(findKeystone(odd, { regionName: null, interface: 'public' })).toBeNull()
  })

  it.each(['http://k', 'http://k/', 'http://k/v3', 'http://k/v3/', 'http://k/v2.0'])('%s is that of the v3 API', (url) => {
    expect(toV3(url)).toBe('http://k/v3')
  })

  it('keeps a path before the version', () => {
    expect(toV3('https://k/identity')).toBe('https://k/identity/v3')
  })
})
