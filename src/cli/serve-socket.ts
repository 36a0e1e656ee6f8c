import type { ListenAt } from '../service.ts'
import { SOCKET_FD } from './serve-lives.ts'

/** A listening socket that another process has opened. */
export type GivenSocket = ListenAt & { readonly kind: 'socket' }

/**
 * The socket that systemd (or who speaks like it) has opened for this process; null where there is none. Throws where there are several.
 * Protocol: sd_listen_fds(3). The variables are taken out of the environment: they are for this process alone.
 */
export function takeActivatedSocket(env: NodeJS.ProcessEnv, pid: number): GivenSocket | null {
  const { LISTEN_PID, LISTEN_FDS } = env
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name]
  if (LISTEN_PID !== String(pid) || LISTEN_FDS === undefined) return null
  if (LISTEN_FDS !== '1')
    throw new Error(`expected one socket of systemd, got LISTEN_FDS=${LISTEN_FDS}: give the socket unit one ListenStream=`)
  return { kind: 'socket', fd: SOCKET_FD }
}
