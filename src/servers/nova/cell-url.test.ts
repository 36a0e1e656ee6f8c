import { describe, expect, it } from 'vitest'
import { cellUrl } from './cell-url.ts'

const LOCAL = { database: 'mysql+pymysql://nova:secret@controller/nova', databaseParameters: '' }

describe('the URL of a cell’s database', () => {
  it.each(['ge{heim', 'ge}heim', 'ge{heim}', '{}'])('may have a brace in its password: %s', (password) => {
    const read = cellUrl(`mysql+pymysql://nova:${password}@db/nova_cell1`, LOCAL)
    expect(read).toMatchObject({ kind: 'parsed', url: { password, database: 'nova_cell1' } })
    expect(read).toMatchObject({ remark: expect.stringMatching(/^used as it is: the template has /) })
    expect(JSON.stringify({ ...read, url: null })).not.toContain('heim')
  })

  it('is filled in from the local one where it is a template', () => {
    expect(cellUrl('{scheme}://{username}:{password}@db/nova_cell1', LOCAL)).toMatchObject({
      ...{ kind: 'parsed', remark: null },
      url: { user: 'nova', password: 'secret', address: { host: 'db' }, database: 'nova_cell1' },
    })
  })

  it('is none where it is neither a URL nor a template that can be filled, and the reason is the template’s', () => {
    expect(cellUrl('{schema}://{username}:{password}@db/nova_cell1', LOCAL)).toEqual({
      kind: 'invalid',
      reason: expect.stringMatching(/^the template has a field that is not one of scheme, username, password, hostname, port/),
    })
    expect(cellUrl('nova_cell1', LOCAL)).toEqual({ kind: 'invalid', reason: expect.stringMatching(/^expected mysql/) })
  })

  it("has the options of every cell's database", () => {
    const local = { ...LOCAL, databaseParameters: 'ssl_ca=/ca.pem' }
    expect(cellUrl('mysql+pymysql://nova@db/nova_cell1', local)).toMatchObject({
      url: { tls: { kind: 'on', caFile: '/ca.pem' } },
    })
    const reason = expect.stringMatching(/^expected mysql.* \(with \[database\] connection_parameters\)$/)
    expect(cellUrl('nova_cell1', local)).toEqual({ kind: 'invalid', reason })
  })
})
