import type { CellId, HostName } from '../../events/event.ts'

type Listener = (host: HostName | null) => void

/** Which hosts could not be reached, so that just they are told of when their cell's broker is back. */
export interface Unreached {
  add(cell: CellId, host: HostName): void
  /** Tells of the cell's hosts, and forgets them. */
  isBack(cell: CellId): void
  onReachable(listener: Listener): void
}

/** Names are bounded by the hosts there are. */
export function createUnreached(): Unreached {
  const hostsByCell = new Map<CellId, Set<HostName>>()
  const listeners: Listener[] = []
  return {
    add: (cell, host) => {
      const hosts = hostsByCell.get(cell)
      if (hosts === undefined) hostsByCell.set(cell, new Set([host]))
      else hosts.add(host)
    },
    isBack: (cell) => {
      const hosts = hostsByCell.get(cell) ?? []
      hostsByCell.delete(cell)
      for (const host of hosts) for (const listener of listeners) listener(host)
    },
    onReachable: (listener) => {
      listeners.push(listener)
    },
  }
}
