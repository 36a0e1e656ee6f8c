/**
 * Loaded into a novacast before its own code (`node --import`): kills it with SIGKILL at a point of kill-points.ts. It listens at what
 * novacast's code stands on (node:sqlite in the journal's threads, the drivers of the databases, node:http), which stays as it is.
 */
import diagnostics from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { StatementSync } from 'node:sqlite'
import threads, { isMainThread, Worker, type WorkerOptions } from 'node:worker_threads'
import mysql from 'mysql2'
import pg from 'pg'
import { readKillPoint } from './kill-points.ts'

const wanted = readKillPoint(process.env)
let passes = 0

function pass(): void {
  if (++passes !== wanted?.pass) return
  process.kill(process.pid, 'SIGKILL')
  // Nothing more is done by this thread until the signal has come.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** Follows the transactions of a connection by its statements. Answers what to do when this one is done. */
function createFollower(): (statement: string) => () => void {
  let isMarked = false
  return (statement) => {
    if (wanted?.point.kind !== 'transaction') return () => {}
    if (/^begin/i.test(statement)) isMarked = false
    else if (wanted.point.statement.test(statement)) isMarked = true
    if (!isMarked || !/^commit$/i.test(statement)) return () => {}
    isMarked = false
    if (wanted.point.moment === 'after commit') return pass
    pass()
    return () => {}
  }
}

function followSqlite(): void {
  const follow = createFollower()
  const run = StatementSync.prototype.run
  StatementSync.prototype.run = function (this: StatementSync, ...parameters: Parameters<StatementSync['run']>) {
    const done = follow(this.sourceSQL)
    const result = run.apply(this, parameters)
    done()
    return result
  } as StatementSync['run']
}

type Query = (...args: unknown[]) => unknown

/** A driver's statements, whose answers come to a call back in last place or by a promise. */
function followDriver(prototype: { query: unknown }): void {
  const followers = new WeakMap<object, ReturnType<typeof createFollower>>()
  const query = prototype.query as Query
  prototype.query = function (this: object, statement: unknown, ...rest: unknown[]) {
    const follow = followers.get(this) ?? createFollower()
    followers.set(this, follow)
    const done = follow(typeof statement === 'string' ? statement : '')
    const last = rest.at(-1)
    if (typeof last === 'function')
      rest[rest.length - 1] = (...answer: unknown[]) => {
        done()
        last(...answer)
      }
    const result = query.call(this, statement, ...rest)
    return result instanceof Promise ? result.finally(done) : result
  }
}

/** The journal's threads are started without the options of the process. */
function reachThreads(): void {
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      super(file, { ...options, execArgv: [...(options.execArgv ?? []), '--import', import.meta.filename] })
    }
  }
  syncBuiltinESMExports()
}

function followReplies(): void {
  diagnostics.subscribe('http.server.response.finish', (message) => {
    const { response } = message as { response: ServerResponse }
    if (response.req.url?.endsWith('/os-server-external-events') && response.req.method === 'POST') pass()
  })
}

if (wanted !== null) {
  if (isMainThread) {
    reachThreads()
    followDriver(mysql.Connection.prototype)
    followDriver(pg.Client.prototype)
    if (wanted.point.kind === 'reply') followReplies()
  } else followSqlite()
}
