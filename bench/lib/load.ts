import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What a burst of load saw. Latencies in milliseconds; `failed` counts answers outside 2xx and broken connections. */
export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
}

/** A POST to repeat: wrk picks one of the bodies at random for each request. */
export interface Load {
  readonly url: string
  readonly bodies: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  /** Where the script for wrk may be written. */
  readonly directory: string
}

/** Whether wrk is here; it is C, so that on two cores the load does not outweigh what is measured. */
export function hasWrk(): boolean {
  try {
    execFileSync('wrk', ['-v'], { stdio: 'ignore' })
  } catch (error) {
    // `wrk -v` prints its version and exits 1.
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
  return true
}

/** Puts the load on and waits for its end. Rejects when wrk fails. */
export async function putLoad(load: Load): Promise<LoadResult> {
  const script = join(load.directory, 'load.lua')
  writeFileSync(join(load.directory, 'bodies.txt'), load.bodies.join('\n'))
  writeFileSync(script, wrkScript(load))
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    '--timeout',
    '10s',
    '-s',
    script,
    load.url,
  ])
  const line = stdout.split('\n').find((each) => each.startsWith('RESULT '))
  if (line === undefined) throw new Error(`wrk printed no result:\n${stdout}`)
  const [requests, micros, failed, p50, p99] = line.slice('RESULT '.length).split(' ').map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  return { requests, perSecond: requests / (micros / 1e6), failed, p50: p50 / 1000, p99: p99 / 1000 }
}

function wrkScript(load: Load): string {
  const headers = Object.entries(load.headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  )
  return `
wrk.method = "POST"
${headers.join('\n')}
local lines, requests = {}, {}
for line in io.lines(${JSON.stringify(join(load.directory, 'bodies.txt'))}) do lines[#lines + 1] = line end
function init(args)
  for i, line in ipairs(lines) do requests[i] = wrk.format(nil, nil, nil, line) end
end
function request() return requests[math.random(#requests)] end
function done(summary, latency)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`
}
