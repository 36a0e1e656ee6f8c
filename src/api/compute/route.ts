/** Python's `$` also matches before a line feed at the end. Source: nova/api/openstack/compute/routes.py ProjectMapper. */
const EVENTS = /^(?:\/([0-9a-f-]+))?\/os-server-external-events\n?$/

/** Where the API's one action was found. */
export interface Route {
  /** The project that the path names, if it does. */
  readonly projectId: string | null
}

const PLAIN_ROUTE: Route = { projectId: null }
const PLAIN_PATH = '/os-server-external-events'

/** The action for what is left of the path under /v2 or /v2.1; null where Nova's API has other resources, or none. */
export function routeOf(method: string, pathInfo: string): Route | null {
  if (method !== 'POST') return null
  if (pathInfo === PLAIN_PATH) return PLAIN_ROUTE
  const found = EVENTS.exec(pathInfo)
  return found === null ? null : { projectId: found[1] ?? null }
}

/** Whether a body may name the method that routes it (HTML forms know but two). */
export function isForm(method: string, contentType: string | undefined): boolean {
  return method === 'POST' && contentType?.split(';', 1)[0]?.toLowerCase() === 'application/x-www-form-urlencoded'
}

/**
 * The method by which a request is routed: `_method` in the query, else in a form, stands for its own. What is done with the body
 * goes by the method it really has. Source: routes/middleware.py RoutesMiddleware.
 */
export function routedMethod(method: string, query: string, form: string | null): string {
  if (query.includes('_method')) return lastValue(query) ?? method
  return form === null ? method : (lastValue(form) ?? method)
}

function lastValue(query: string): string | null {
  const value = new URLSearchParams(query.replaceAll(';', '&')).getAll('_method').at(-1)
  if (value === undefined || value === '' || value.includes('\ufffd')) return null
  return value.toUpperCase()
}
