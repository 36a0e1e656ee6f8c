import type { Server } from 'node:net'
import { type FromSuccessor, PREDECESSOR, parseWord, SOCKET_FD, TO_SUCCESSOR, type ToSuccessor } from './serve-lives.ts'
import type { GivenSocket } from './serve-socket.ts'

/** The first life of this service, seen by one that succeeds it. */
export interface Predecessor {
  /** The listening socket. */
  readonly socket: GivenSocket
  /** Says that only the journal's file is missing; resolves when it may be opened. */
  journalIsFree(): Promise<void>
  /** Says that this process serves, and does from now on what it is told. */
  serving(orders: Orders): void
  /** Nothing more is to be heard or said: the channel keeps a process from ending. */
  part(): void
}

/** What a successor is told when it is to be succeeded, or to end. */
export interface Orders {
  readonly server: Server
  letGo(): Promise<void>
  resume(): Promise<void>
  leave(): Promise<void>
  stop(): void
}

type Process = Pick<NodeJS.Process, 'env' | 'ppid' | 'send' | 'on' | 'exit' | 'connected' | 'disconnect'>

/** Null where this process is the first life of its service. */
export function findPredecessor(self: Process): Predecessor | null {
  const isSuccessor = self.env[PREDECESSOR] === String(self.ppid)
  // Nobody that this process starts is one.
  delete self.env[PREDECESSOR]
  if (!isSuccessor || self.send === undefined) return null
  const say = (word: FromSuccessor, server?: Server) => void self.send?.(word, server)
  const hear = (listener: (word: ToSuccessor | null) => void) =>
    void self.on('message', (message) => listener(parseWord(TO_SUCCESSOR, message)))
  let orders: Orders | null = null
  // Nobody is left to take over from.
  self.on('disconnect', () => (orders === null ? self.exit(1) : orders.stop()))
  return {
    socket: { kind: 'socket', fd: SOCKET_FD },
    journalIsFree: () =>
      new Promise((resolve) => {
        hear((word) => {
          if (word === 'yours') resolve()
        })
        say('waiting')
      }),
    serving: (given) => {
      orders = given
      hear((word) => obey(word, given, say))
      say('serving')
    },
    part: () => {
      if (self.connected) self.disconnect?.()
    },
  }
}

function obey(word: ToSuccessor | null, orders: Orders, say: (word: FromSuccessor, server?: Server) => void): void {
  switch (word) {
    case 'share':
      say('socket', orders.server)
      break
    case 'let-go':
      void orders.letGo().then(() => say('gone'))
      break
    case 'resume':
      void orders.resume()
      break
    case 'leave':
      void orders.leave()
      break
    case 'stop':
      orders.stop()
      break
    case 'yours':
    case null:
  }
}
