import type { NovaConfig } from '../config/config.ts'
import type { CheckLine } from '../observe/check-line.ts'
import { createLog } from '../observe/log.ts'
import type { NovaServers } from '../servers/nova/nova-servers.ts'

/** Nova's databases, one line each, and where casts go over RabbitMQ the broker of every cell. Never rejects. */
export async function* checkNova(nova: NovaConfig, hasBrokers: boolean): AsyncGenerator<CheckLine> {
  const { apiDatabase, rabbit, controlExchange } = nova
  if (apiDatabase === null) return
  const { createNovaServers } = await import('../servers/nova/nova-servers.ts')
  const log = createLog({ level: 'silent' })
  let servers: NovaServers
  try {
    servers = createNovaServers({ ...nova, apiDatabase, log, maxConnectionsPerDatabase: 1 })
  } catch (error) {
    yield { name: 'nova_api', ok: false, detail: messageOf(error), mend: 'correct [api_database] connection' }
    return
  }
  try {
    yield* await servers.check()
    if (!hasBrokers) return
    const { checkBrokers } = await import('../cast/rabbitmq/check.ts')
    yield* await checkBrokers({ cells: await servers.all(), rabbit, controlExchange })
  } catch (error) {
    yield { name: 'cells', ok: false, detail: messageOf(error), mend: 'mend nova_api first: it says which cells there are' }
  } finally {
    await servers.close()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
