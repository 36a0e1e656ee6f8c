import { once } from 'node:events'
import { startApi } from './running-api.ts'

/** Serves until its standard input ends; says where on standard output. */
const api = await startApi()
console.log(api.url)
await once(process.stdin.resume(), 'end')
await api.close()
