import { listAt, textAt } from './json.ts'

/** Where in a catalog to look. */
export interface EndpointWish {
  readonly regionName: string | null
  /** `public`, `internal` or `admin`. */
  readonly interface: string
}

/** Keystone's own URL in a catalog, or null where the catalog has none for that region and interface. */
export function findKeystone(catalog: readonly unknown[], { regionName, interface: wanted }: EndpointWish): string | null {
  const endpoint = catalog
    .filter((service) => textAt(service, 'type') === 'identity')
    .flatMap((service) => listAt(service, 'endpoints'))
    .filter((each) => regionName === null || textAt(each, 'region') === regionName || textAt(each, 'region_id') === regionName)
    .find((each) => textAt(each, 'interface') === wanted)
  const url = textAt(endpoint, 'url')
  return url !== null && isHttp(url) ? url : null
}

/** The URL of the v3 API, from one with or without a version at its end. */
export function toV3(url: string): string {
  return `${url.replace(/\/+$/, '').replace(/\/v(?:2\.0|3)$/, '')}/v3`
}

function isHttp(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
}
