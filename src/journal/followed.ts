import type { Followed } from './journal.ts'

/** Those who want to hear what followed its server. */
export interface FollowedListeners {
  add(listener: (followed: Followed) => void): void
  tell(followed: Followed): void
}

export function createFollowedListeners(): FollowedListeners {
  const listeners: ((followed: Followed) => void)[] = []
  return {
    add: (listener) => void listeners.push(listener),
    tell: (followed) => {
      if (followed.hosts.length > 0 || followed.ended.length > 0) for (const listener of listeners) listener(followed)
    },
  }
}
