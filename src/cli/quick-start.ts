import { DEFAULT_URL } from './default-url.ts'

/** A server that exists nowhere but in the examples. */
const SERVER = '8f0c4d1e-2b3a-4c5d-9e6f-708192a3b4c5'

/**
 * What a new user copies to see novacast at work, for an instance on the embedded default at `url`. curl, because everybody has it
 * and because it shows the API.
 */
export function quickStart(url: string): string {
  const at = url === DEFAULT_URL ? '' : ` --url ${url}`
  const [register, follow, send] = quickStartCommands(url)
  return `
Try it. Register a server on the host compute-1:

  ${register}

Follow the events of that host (this goes on until Ctrl-C):

  ${follow}

Send an event about the server, from another terminal:

  ${send}

The novacast command does the same:

  novacast servers set ${SERVER} --host compute-1${at}
  novacast agent compute-1${at}
  novacast send network-changed ${SERVER}${at}

`
}

/** The three commands: register, follow, send. */
export function quickStartCommands(url: string): readonly [string, string, string] {
  const token = "-H 'X-Auth-Token: admin:admin'"
  const json = "-H 'Content-Type: application/json'"
  return [
    `curl -s -X PUT ${url}/novacast/v1/servers/${SERVER} ${token} ${json} -d '{"host": "compute-1"}'`,
    `curl -s -N ${url}/novacast/v1/hosts/compute-1/events ${token}`,
    `curl -s ${url}/v2.1/os-server-external-events ${token} ${json} -d '{"events": [{"name": "network-changed", "server_uuid": "${SERVER}"}]}'`,
  ]
}
