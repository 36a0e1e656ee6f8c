import type { Nova, Rabbitmq, Stand } from '../stand/stand.ts'
import { startNova } from '../stand/use-stand.ts'

/** The engines of Nova's databases. */
export const ENGINES = ['MariaDB', 'PostgreSQL'] as const

/** A Nova to stand beside, and its broker. */
export interface Cloud {
  readonly nova: Nova
  readonly rabbitmq: Rabbitmq
  close(): Promise<void>
}

/** The stand's own Nova is on MariaDB; one on PostgreSQL is started. */
export async function openCloud(
  engine: (typeof ENGINES)[number],
  { nova, rabbitmq }: Stand<'nova' | 'rabbitmq'>,
): Promise<Cloud> {
  if (engine === 'MariaDB') return { nova, rabbitmq, close: async () => {} }
  const own = await startNova({ engine: 'postgresql', cells: 1 })
  const close = async () => {
    await Promise.all([own, own.database, own.rabbitmq].map((each) => each.remove()))
  }
  return { nova: own, rabbitmq: own.rabbitmq, close }
}
