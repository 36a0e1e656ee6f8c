import { describe, expect, it } from 'vitest'
import { INFO_CACHE_COLUMNS, INSTANCE_COLUMNS } from '../../nova/instance-row.ts'
import { createRowReader } from './server-rows.ts'

const UUID = 'aa111111-0000-4000-8000-000000000001'
const columns = [...INSTANCE_COLUMNS, ...INFO_CACHE_COLUMNS, 'migration_context']
const rowWith = (host: string) =>
  columns.map((column) => (column === 'uuid' ? UUID : column === 'host' ? host : column === 'hidden' ? 0 : null))
const textWith = (host: string) => [JSON.stringify(rowWith(host))]

describe('rows of servers', () => {
  it('are read as long as they are the same only once, whichever came between', () => {
    const read = createRowReader()
    const first = read(textWith('h1'))
    expect(first).toMatchObject({ uuid: UUID, isHidden: false, data: { host: 'h1' } })
    expect(read(textWith('h2')).data).toMatchObject({ host: 'h2' })
    expect(read(textWith('h1')).data).toBe(first.data)
  })

  it('are read each time where the driver has parsed them', () => {
    const read = createRowReader()
    expect(read([rowWith('h1')])).toEqual(read(textWith('h1')))
  })

  it('are not remembered without bound', () => {
    const read = createRowReader()
    const first = read(textWith('h1'))
    for (let i = 0; i < 20; i++) read(textWith(`${i}`.padEnd(200_000, 'x')))
    expect(read(textWith('h1')).data).not.toBe(first.data)
    expect(read(textWith('h1')).data).toEqual(first.data)
  })
})
