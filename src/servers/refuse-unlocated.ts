import { type Servers, ServersUnavailable } from './servers.ts'

/** The same servers, for who would rather refuse a request than accept an event whose server cannot be located now. */
export function refuseUnlocated(servers: Servers): Servers {
  return {
    locate: async (ids) => {
      const located = await servers.locate(ids)
      for (const server of located.values())
        if (server.kind === 'unlocated') throw new ServersUnavailable(`a cell cannot be asked now: ${server.reason}`)
      return located
    },
  }
}
