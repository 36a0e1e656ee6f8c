import type { Route } from './route.ts'

/** The path as Fastify writes it: `/hosts/:host` for `/hosts/{host}`. */
export function toFastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

/** Everything that the operator's API serves begins so. */
const ROOTS = /^\/(?:novacast|healthcheck|livez|readyz|metrics|openapi\.json)(?:[/?]|$)/

/** The URL without the configured prefix, where it has it. A prefix may itself be called `/novacast`. */
export function stripPrefix(url: string, prefix: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url
  const rest = url.slice(prefix.length)
  return ROOTS.test(rest) ? rest : url
}

/** Answers which methods the routes of a path have; none where there is no such path. */
export function createPathIndex(routes: readonly Route[]): (path: string) => readonly string[] {
  const rows = routes.map((route) => ({ ...route, pattern: toPattern(route.path) }))
  return (path) => {
    // As in routing, a path that is written out comes before one with a part to be filled in: `/events/stream`, `/events/{id}`.
    const literal = rows.filter((row) => row.path === path)
    return (literal.length > 0 ? literal : rows.filter(({ pattern }) => pattern.test(path))).flatMap(methodsOf)
  }
}

function methodsOf({ method, events }: Route): readonly string[] {
  return method === 'GET' && events === undefined ? ['GET', 'HEAD'] : [method]
}

function toPattern(path: string): RegExp {
  const parts = path.replaceAll('.', '\\.').split(/\{\w+\}/)
  return new RegExp(`^${parts.join('[^/]+')}$`)
}
