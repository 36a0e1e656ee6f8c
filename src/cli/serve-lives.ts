import type { ChildProcess } from 'node:child_process'

/**
 * What the first life of a service and those that succeed it say to each other, over the channel of parent and child. They may be of different
 * versions of novacast: words are added, and never change their meaning.
 *
 *     first life                                    successor
 *         │ ───── starts it, with the socket ────────► │
 *         │ ◄───────────── waiting ─────────────────── │  all is there but the journal's file, which has one user at a time
 *         │  requests wait, the file is closed         │
 *         │ ────────────── yours ────────────────────► │
 *         │ ◄───────────── serving ─────────────────── │  at once where the journal is in a database
 *         │  hands on what comes over its connections  │
 *
 * When the successor is to be succeeded itself:
 *
 *         │ ────────────── share ────────────────────► │
 *         │ ◄───────── socket, with the socket ─────── │
 *         │ ────────────── let-go ───────────────────► │
 *         │ ◄───────────── gone ────────────────────── │
 *         │ ── leave (the next one serves), or resume (it could not) ──► │
 *
 * `stop` ends it in good order, and so does the end of the channel.
 */
export const FROM_SUCCESSOR = ['waiting', 'serving', 'socket', 'gone'] as const
export const TO_SUCCESSOR = ['yours', 'share', 'let-go', 'resume', 'leave', 'stop'] as const
export type FromSuccessor = (typeof FROM_SUCCESSOR)[number]
export type ToSuccessor = (typeof TO_SUCCESSOR)[number]

/** Names the process that starts a successor: who finds its own parent there is one. */
export const PREDECESSOR = 'NOVACAST_PREDECESSOR'

/** Where a successor finds the listening socket; systemd's first, too (sd_listen_fds(3)). */
export const SOCKET_FD = 3

/** Either end of the channel. */
export type Channel = Pick<ChildProcess, 'send' | 'on' | 'off'>

/** A word of the other side; null for what is none. */
export function parseWord<Word extends string>(words: readonly Word[], message: unknown): Word | null {
  return words.find((word) => word === message) ?? null
}
