import type { NovaConfig } from '../config/config.ts'
import type { CheckLine } from '../observe/check-line.ts'
import { createLog } from '../observe/log.ts'

/** Nova's databases, one line each, and where casts go over RabbitMQ the broker of every cell. Never rejects. */
export async function* checkNova(nova: NovaConfig, hasBrokers: boolean): AsyncGenerator<CheckLine> {
  const { apiDatabase, database, transportUrl, rabbit, controlExchange } = nova
  if (apiDatabase === null) return
  const { createNovaServers } = await import('../servers/nova/nova-servers.ts')
  const log = createLog({ level: 'silent' })
  const servers = createNovaServers({ apiDatabase, database, transportUrl, log, maxConnectionsPerDatabase: 1 })
  try {
    yield* await servers.check()
    if (!hasBrokers) return
    const { checkBrokers } = await import('../cast/rabbitmq/check.ts')
    yield* await checkBrokers({ cells: await servers.all(), rabbit, controlExchange })
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    yield { name: 'cells', ok: false, detail, mend: 'mend nova_api first: it says which cells there are' }
  } finally {
    await servers.close()
  }
}
