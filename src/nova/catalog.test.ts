import { describe, expect, it } from 'vitest'
import { contextCatalog } from './catalog.ts'

describe('contextCatalog', () => {
  it('keeps what Nova asks for, with the URLs of a region together', () => {
    const endpoint = (face: string, region: string | null, url: string) => ({
      interface: face,
      region,
      region_id: region,
      url,
      id: 'e',
    })
    const catalog = [
      { type: 'compute', name: 'nova', id: 's', endpoints: [endpoint('public', 'One', 'http://nova')] },
      {
        type: 'network',
        name: 'neutron',
        id: 's',
        endpoints: [
          endpoint('public', 'One', 'http://1'),
          endpoint('internal', 'Two', 'http://2'),
          endpoint('admin', 'One', 'http://3'),
          endpoint('public', null, 'http://4'),
        ],
      },
      { type: 'volumev3', endpoints: [] },
    ]
    expect(contextCatalog(catalog)).toEqual([
      {
        type: 'network',
        name: 'neutron',
        endpoints: [
          { region: 'One', publicURL: 'http://1', adminURL: 'http://3' },
          { region: 'Two', internalURL: 'http://2' },
          { publicURL: 'http://4' },
        ],
      },
      { type: 'volumev3', endpoints: [] },
    ])
  })

  it('leaves out what is no service', () => {
    expect(
      contextCatalog([null, 'text', 1, [], {}, { type: 7 }, { type: 'image', endpoints: [null, {}, { interface: 1 }] }]),
    ).toEqual([{ type: 'image', endpoints: [] }])
  })
})
