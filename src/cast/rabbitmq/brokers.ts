import type { CellId } from '../../events/event.ts'
import type { Cell, NovaCells } from '../../nova/cells.ts'
import type { Log } from '../../observe/log.ts'
import { type BrokerLink, createBrokerLink, type LinkCounts } from './broker-link.ts'
import type { BrokerTarget } from './open-broker.ts'
import { RabbitOptionError, type RawOptions, rabbitOptions } from './options.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { parseTransportUrl } from './transport-url.ts'

/** Whether a cell has a broker, as far as can be told now. */
export type BrokerOfCell =
  | { readonly kind: 'link'; readonly link: BrokerLink; readonly outbox: Outbox }
  /** It has none and will have none. */
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'away'; readonly reason: string }

/** The brokers of all cells, a link each. */
export interface Brokers {
  /** Never rejects. */
  of(cell: CellId): Promise<BrokerOfCell>
  counts(): LinkCounts
  close(): Promise<void>
}

/** What the brokers are made of. */
export interface BrokersParts {
  readonly cells: NovaCells
  readonly rabbit: RawOptions
  readonly exchange: string
  readonly log: Log
  readonly onBack: (cell: CellId) => void
  /** How often links are closed whose cells are gone. A minute unless given. */
  readonly sweepMs?: number
}

/** What a cell's transport URL comes to. */
export type CellTarget =
  | { readonly kind: 'target'; readonly target: BrokerTarget }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly reason: string }

/** Reads a cell's transport URL with the options in force for it. A reason holds no password. */
export function cellTarget(transportUrl: string, { rabbit, exchange }: Pick<BrokersParts, 'rabbit' | 'exchange'>): CellTarget {
  const parsed = parseTransportUrl(transportUrl)
  if (parsed.kind !== 'rabbit') return parsed
  const { hosts, virtualHost, query } = parsed.url
  try {
    return { kind: 'target', target: { hosts, virtualHost, options: rabbitOptions(rabbit, query), exchange } }
  } catch (error) {
    if (error instanceof RabbitOptionError) return { kind: 'invalid', reason: error.message }
    throw error
  }
}

interface Known {
  readonly transportUrl: string
  readonly answer: BrokerOfCell
}

const SWEEP_MS = 60_000

/** Links made when first asked for, made anew when a cell's transport URL changes, and closed when the cell is gone. */
export function createBrokers(parts: BrokersParts): Brokers {
  const { cells, log, onBack, sweepMs = SWEEP_MS } = parts
  const known = new Map<CellId, Known>()

  async function of(id: CellId): Promise<BrokerOfCell> {
    let cell: Cell | null
    try {
      cell = await cells.cell(id)
    } catch (error) {
      return { kind: 'away', reason: `the cell cannot be looked up: ${error instanceof Error ? error.message : String(error)}` }
    }
    if (cell === null) {
      forget(id)
      return { kind: 'away', reason: `no row of cell_mappings has the uuid ${id}` }
    }
    const before = known.get(id)
    if (before?.transportUrl === cell.transportUrl) return before.answer
    forget(id)
    const answer = make(cell)
    known.set(id, { transportUrl: cell.transportUrl, answer })
    return answer
  }

  function forget(id: CellId): void {
    const answer = known.get(id)?.answer
    known.delete(id)
    if (answer?.kind === 'link') void answer.link.close()
  }

  /** Nobody asks any more for a cell that is gone, and its link would try to connect for ever. */
  async function forgetGone(): Promise<void> {
    const ids = [...known.keys()]
    if (ids.length === 0) return
    const there = new Set((await cells.all()).map(({ id }) => id))
    for (const id of ids) if (!there.has(id)) forget(id)
  }
  // While nova_api cannot be asked, none is known to be gone.
  const sweep = setInterval(() => void forgetGone().catch(() => {}), sweepMs).unref()

  function make({ id, name, transportUrl }: Cell): BrokerOfCell {
    const read = cellTarget(transportUrl, parts)
    switch (read.kind) {
      case 'none':
        return { kind: 'none', reason: `the cell ${name ?? id} has no broker (transport_url none:///)` }
      case 'invalid':
        return { kind: 'away', reason: `transport_url of the cell ${name ?? id}: ${read.reason}` }
      case 'target': {
        const link = createBrokerLink({ target: read.target, log: log.child({ cell: name ?? id }), onBack: () => onBack(id) })
        return { kind: 'link', link, outbox: createOutbox(link) }
      }
    }
  }

  const links = () => [...known.values()].flatMap(({ answer }) => (answer.kind === 'link' ? [answer.link] : []))
  return {
    of,
    counts: () =>
      links()
        .map((link) => link.counts())
        .reduce(sum, { connected: 0, unconfirmed: 0, waiting: 0 }),
    close: async () => {
      clearInterval(sweep)
      await Promise.all(links().map((link) => link.close()))
    },
  }
}

function sum(a: LinkCounts, b: LinkCounts): LinkCounts {
  return { connected: a.connected + b.connected, unconfirmed: a.unconfirmed + b.unconfirmed, waiting: a.waiting + b.waiting }
}
