import type { Metrics } from '../../observe/metrics.ts'
import { ApiError } from '../errors.ts'
import { type Answer, type Route, route } from './route.ts'

/** Whether requests can be served now, and where not, why. */
export type Readiness = { readonly kind: 'ready' } | { readonly kind: 'not-ready'; readonly reason: string }

/** What the routes for machines that watch over novacast need. */
export interface HealthParts {
  /** Never rejects. */
  readonly isReady: () => Readiness | Promise<Readiness>
  readonly metrics: Metrics
}

const TEXT = 'text/plain; charset=utf-8'
const OK: Answer<never> = { kind: 'text', status: 200, type: TEXT, body: 'OK\n' }

/** For load balancers, orchestrators and Prometheus: open to all of them. */
export function healthRoutes({ isReady, metrics }: HealthParts): readonly Route[] {
  const ready = (path: string, summary: string) =>
    route({
      method: 'GET',
      path,
      rule: null,
      summary,
      answers: { 200: 'OK' },
      text: TEXT,
      handle: async () => {
        const readiness = await isReady()
        if (readiness.kind === 'ready') return OK
        throw new ApiError('serviceUnavailable', readiness.reason, { 'retry-after': '1' })
      },
    })
  return [
    ready('/healthcheck', "Whether to send requests here; the path of OpenStack's load balancers."),
    ready('/readyz', 'Whether to send requests here.'),
    route({
      method: 'GET',
      path: '/livez',
      rule: null,
      summary: 'Whether the process answers at all.',
      answers: { 200: 'OK' },
      text: TEXT,
      handle: () => OK,
    }),
    route({
      method: 'GET',
      path: '/metrics',
      rule: null,
      summary: 'Counts, for Prometheus.',
      answers: { 200: 'Lines of text.' },
      text: 'text/plain; version=0.0.4; charset=utf-8',
      handle: async () => {
        const { type, body } = await metrics.render()
        return { kind: 'text', status: 200, type, body }
      },
    }),
  ]
}
