/** A service of a token's catalog in the form of Keystone v2, as Nova's contexts have it. */
export interface CatalogService {
  readonly type: string
  readonly name?: string
  /** One for each region: `region`, and `publicURL`, `internalURL`, `adminURL` where there is such an endpoint. */
  readonly endpoints: readonly Readonly<Record<string, string>>[]
}

/** What Nova itself asks other services for; the rest of the catalog stays at home. nova/context.py RequestContext.__init__. */
const TYPES: ReadonlySet<string> = new Set([
  'image',
  'block-storage',
  'volumev3',
  'key-manager',
  'placement',
  'network',
  'accelerator',
])

/**
 * A token's catalog (Keystone v3) as it travels in a context. Entries that are no services are left out.
 * Source: keystonemiddleware/auth_token/_request.py _v3_to_v2_catalog.
 */
export function contextCatalog(catalog: readonly unknown[]): readonly CatalogService[] {
  return catalog.flatMap((entry) => {
    const { type, name, endpoints } = recordOf(entry)
    if (typeof type !== 'string' || !TYPES.has(type)) return []
    return { type, ...(typeof name === 'string' ? { name } : {}), endpoints: endpointsByRegion(endpoints) }
  })
}

/** In v3 an endpoint is one URL of one region; in v2 a region's URLs stand together. */
function endpointsByRegion(endpoints: unknown): CatalogService['endpoints'] {
  const regions = new Map<string, Record<string, string>>()
  for (const endpoint of Array.isArray(endpoints) ? endpoints : []) {
    const { region, interface: face, url } = recordOf(endpoint)
    if (typeof face !== 'string' || typeof url !== 'string') continue
    const name = typeof region === 'string' ? region : ''
    const urls = regions.get(name) ?? (name === '' ? {} : { region: name })
    urls[`${face.toLowerCase()}URL`] = url
    regions.set(name, urls)
  }
  return [...regions.values()]
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
