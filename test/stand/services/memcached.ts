import { makeFolder, type Service, type Surroundings, startService } from '../service.ts'
import { isListening } from '../wait.ts'

export const PACKAGES = ['memcached']

export interface MemcachedInfo {
  readonly address: string
}

/** A memcached. What it holds does not outlive a stop. */
export async function startMemcached(stand: Surroundings, name: string): Promise<Service<MemcachedInfo>> {
  const port = await stand.freePort()
  return startService(stand, {
    info: { address: `127.0.0.1:${port}` },
    folder: makeFolder(stand.root, name),
    program: { name, command: 'memcached', args: ['-u', 'root', '-l', '127.0.0.1', '-p', String(port), '-U', '0'] },
    isReady: async () => (await isListening(port)) || null,
  })
}
