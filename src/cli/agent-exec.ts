import { spawn } from 'node:child_process'
import type { Delivery } from '../sdk/index.ts'

/** How a command ended: well, or how not. */
export type ExecResult = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly reason: string }

/**
 * Runs a command of the shell for one delivery: the event as JSON on its standard input, its main fields in `NOVACAST_EVENT_…`.
 * It did well when it exits 0. Never rejects.
 */
export function execForDelivery(
  command: string,
  delivery: Delivery & { readonly host: string },
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ExecResult> {
  return new Promise((resolve) => {
    const fail = (reason: string) => resolve({ kind: 'failed', reason })
    const child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...environment, ...eventVariables(delivery) },
    })
    child.on('error', (error) => fail(`could not be started: ${error.message}`))
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ kind: 'done' })
      else fail(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)
    })
    // A command need not read its input.
    child.stdin.on('error', () => {})
    child.stdin.end(`${JSON.stringify(delivery)}\n`)
  })
}

/** What of the event a shell script can use without reading JSON. A variable cannot hold a NUL: it ends there as U+FFFD. */
function eventVariables(delivery: Delivery & { readonly host: string }): Record<string, string> {
  const variables = {
    ID: delivery.id,
    NAME: delivery.name,
    STATUS: delivery.status,
    TAG: delivery.tag ?? '',
    SERVER: delivery.server_uuid,
    HOST: delivery.host,
    ATTEMPT: String(delivery.attempt),
    REQUEST_ID: delivery.request_id,
  }
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`NOVACAST_EVENT_${name}`, value.replaceAll('\0', '\ufffd')]),
  )
}
