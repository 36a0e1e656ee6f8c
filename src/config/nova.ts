import type { NovaConfig } from './config.ts'
import { OPTIONS, RABBIT_OPTIONS } from './options.ts'
import type { Settings } from './settings.ts'

/** What Nova's own configuration says of its databases and its broker. Problems go to the settings. */
export function readNova(settings: Settings): NovaConfig {
  const { read, where, object } = settings
  if (read(OPTIONS.servers) === 'nova' && read(OPTIONS.apiDatabase) === null)
    object(`${where(OPTIONS.servers)}: servers = nova: expected [api_database] connection, the URL of the database nova_api`)
  return {
    apiDatabase: read(OPTIONS.apiDatabase),
    apiDatabaseParameters: read(OPTIONS.apiDatabaseParameters),
    database: read(OPTIONS.database),
    databaseParameters: read(OPTIONS.databaseParameters),
    transportUrl: read(OPTIONS.transportUrl),
    controlExchange: read(OPTIONS.controlExchange),
    rabbit: Object.fromEntries(RABBIT_OPTIONS.map((option) => [option.name, String(read(option) ?? '')])),
    deferUnlocated: read(OPTIONS.deferUnlocated),
    maxConnections: read(OPTIONS.maxConnections),
  }
}
