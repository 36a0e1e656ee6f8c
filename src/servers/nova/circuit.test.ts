import { describe, expect, it, onTestFinished } from 'vitest'
import { DatabaseTrouble } from '../../database/trouble.ts'
import { createLog } from '../../observe/log.ts'
import { createCircuit } from './circuit.ts'

/** A circuit that no probe closes, and the messages that it logs. */
function openable() {
  const lines: string[] = []
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } })
  const circuit = createCircuit({ name: 'the database of cell1', probe: () => new Promise(() => {}), log })
  onTestFinished(() => circuit.close())
  return { circuit, lines, said: () => lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg) }
}

const failing = (trouble: DatabaseTrouble) => () => Promise.reject(trouble)
const row = async () => 'row'

const LOST = new DatabaseTrouble('away', 'Connection lost: The server closed the connection.', 'PROTOCOL_CONNECTION_LOST')
const SILENT = new DatabaseTrouble('away', 'no answer from the database within 5000 ms', 'TIMEOUT')
const DENIED = new DatabaseTrouble('refused', 'INSERT command denied', 'ER_TABLEACCESS_DENIED_ERROR')
const NO_TABLE = new DatabaseTrouble('missing', 'relation "instance_actions" does not exist', '42P01')
const READ_ONLY = ['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', '25006'].map(
  (code) => new DatabaseTrouble('away', 'read-only', code),
)

describe('a circuit', () => {
  it.each([LOST, SILENT])('rejects everything at once after whatever could not be asked: $message', async (trouble) => {
    for (const how of ['lookUp', 'read', 'write'] as const) {
      const { circuit, said } = openable()
      await expect(circuit[how](failing(trouble))).rejects.toBe(trouble)
      for (const again of ['lookUp', 'read', 'write'] as const) await expect(circuit[again](row)).rejects.toBe(trouble)
      expect(said()).toEqual(['the database of cell1 cannot be asked; trying again'])
    }
  })

  it.each([DENIED, NO_TABLE])('opens where look-ups fail, and not for what else does: $message', async (trouble) => {
    const { circuit } = openable()
    for (const how of ['read', 'write'] as const) await expect(circuit[how](failing(trouble))).rejects.toBe(trouble)
    expect(await circuit.lookUp(row)).toBe('row')
    await expect(circuit.lookUp(failing(trouble))).rejects.toBe(trouble)
    await expect(circuit.lookUp(row)).rejects.toBe(trouble)
  })

  it('stays closed where a database is read-only', async () => {
    const { circuit, said } = openable()
    for (const trouble of READ_ONLY) await expect(circuit.write(failing(trouble))).rejects.toBe(trouble)
    expect(await circuit.lookUp(row)).toBe('row')
    expect(said()).toEqual(['the database of cell1 cannot be written'])
  })

  it('stays closed where all connections are in use, and does not wait for one again', async () => {
    const { circuit } = openable()
    const busy = new DatabaseTrouble('away', 'no connection was free within 3000 ms; 5 are in use', 'ALL_IN_USE')
    let asked = 0
    const ask = () => {
      asked++
      return Promise.reject(busy)
    }
    for (const how of ['lookUp', 'read', 'write'] as const) await expect(circuit[how](ask)).rejects.toBe(busy)
    expect(asked).toBe(3)
    expect(await circuit.lookUp(row)).toBe('row')
  })

  it('stays closed for trouble of one question, which is said once', async () => {
    const { circuit, lines, said } = openable()
    const slow = new DatabaseTrouble(
      'wrong',
      'Query execution was interrupted (max_statement_time exceeded)',
      'ER_STATEMENT_TIMEOUT',
    )
    for (let round = 0; round < 3; round++) await expect(circuit.lookUp(failing(slow))).rejects.toBe(slow)
    expect(await circuit.lookUp(row)).toBe('row')
    expect(said()).toEqual(['the database of cell1 cannot be searched'])
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 50, reason: slow.message, code: slow.code, times: 1 })
  })
})
