import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { type Client, createClient, staticToken } from '../../../src/sdk/index.ts'

/** The operator's API in a process of its own, so that its memory can be measured. */
export interface ApiProcess {
  readonly url: string
  readonly pid: number
  readonly client: Client
}

/** Starts it; it is gone after the test. */
export async function startApiProcess(): Promise<ApiProcess> {
  const child = spawn(process.execPath, [`${import.meta.dirname}/api-child.ts`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [url] = await once(createInterface({ input: child.stdout }), 'line')
  const client = createClient({ url: String(url), auth: staticToken('admin:admin') })
  onTestFinished(async () => {
    await client.close()
    child.stdin.end()
    await once(child, 'exit')
  })
  return { url: String(url), pid: child.pid ?? 0, client }
}
