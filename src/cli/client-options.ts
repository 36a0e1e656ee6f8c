import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseBaseUrl } from '../sdk/http.ts'
import {
  type Client,
  createClient,
  keystoneToken,
  readOsEnvironment,
  staticToken,
  type TlsOptions,
  type TokenProvider,
} from '../sdk/index.ts'
import { DEFAULT_URL } from './default-url.ts'
import { UsageError } from './failures.ts'
import type { Terminal } from './terminal.ts'

/** Where novacast is and who asks, as flags and environment say. */
export interface ClientOptions {
  readonly url: string
  readonly token?: string
}

const LOOPBACK = /^(localhost|127(\.[0-9]+){3}|\[::1\])$/

/** Gives a command the options of every client. */
export function withClient(command: Command): Command {
  const url = new Option('--url <url>', 'where novacast is').env('NOVACAST_URL').default(DEFAULT_URL).argParser(checkUrl)
  const token = new Option('--token <token>', 'a token; without it OS_* variables log in at Keystone').env('NOVACAST_TOKEN')
  return command.addOption(url).addOption(token)
}

function checkUrl(url: string): string {
  try {
    parseBaseUrl(url)
    return url
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : '')
  }
}

/** Opens a client, hands it over, and closes it whatever happens. */
export async function useClient<T>(terminal: Terminal, options: ClientOptions, use: (client: Client) => Promise<T>): Promise<T> {
  const { auth, tls } = chooseToken(terminal.environment, options)
  const client = createClient({ url: options.url, auth, tls })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

/**
 * The token to send: `--token`, `OS_TOKEN`, Keystone by `OS_*`; and at a novacast on this machine, when nothing else is said, the
 * administrator of `identity = noauth`.
 */
function chooseToken(
  environment: Terminal['environment'],
  { url, token }: ClientOptions,
): { auth: TokenProvider; tls: TlsOptions } {
  if (token !== undefined) return { auth: staticToken(token), tls: {} }
  const found = readOsEnvironment(environment)
  switch (found.kind) {
    case 'token':
      return { auth: staticToken(found.token), tls: {} }
    case 'keystone':
      return { auth: keystoneToken(found.settings), tls: found.settings.tls ?? {} }
    case 'incomplete':
      throw new UsageError(found.message)
    case 'none': {
      if (LOOPBACK.test(URL.parse(url)?.hostname ?? '')) return { auth: staticToken('admin:admin'), tls: {} }
      throw new UsageError(`no credentials for ${url}: give --token, or set OS_AUTH_URL and the OS_* variables that go with it`)
    }
  }
}
