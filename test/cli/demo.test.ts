import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCommand, startCommand } from './command.ts'
import { readLines } from './service.ts'

function emptyDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'novacast-demo-test-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

describe('novacast demo', () => {
  it('tells its story to the end and leaves nothing behind', async () => {
    const TMPDIR = emptyDirectory()
    const { code, stdout, stderr } = await runCommand(['demo', '--duration', '0'], { environment: { TMPDIR }, cwd: TMPDIR })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(readdirSync(TMPDIR)).toEqual([])
    expect(stdout).not.toContain('\x1b')
    const got = (host: string) => [...stdout.matchAll(new RegExp(`${host} got (.*?) {2}\\d+ ms`, 'g'))].map(([, what]) => what)
    expect(got('compute-1')).toEqual([
      'network-vif-plugged of web-1, port-a',
      'network-changed of web-2',
      'network-changed of web-1',
      'network-vif-plugged of web-1, port-a',
    ])
    expect(got('compute-2')).toEqual([
      'volume-extended of db-1, volume-1',
      'network-changed of db-2',
      'network-vif-plugged of db-1, port-b',
      'volume-extended of db-1, volume-2',
      'network-vif-unplugged of db-1, port-b',
      'network-vif-plugged of web-1, port-a',
      'network-changed of web-1',
    ])
    expect(stdout).toContain('sent network-changed of a stranger: 404, refused')
    expect(stdout).toMatch(/\| compute-2 \| False +\| +3 \|/)
    expect(stdout).toMatch(/\| compute-2 \| True +\| +0 \|\n {2}\+[-+]+\n$/)
  })

  it('can be interrupted, and leaves nothing behind then either', async () => {
    const TMPDIR = emptyDirectory()
    const lines = readLines(startCommand(['demo', '--duration', '60'], { environment: { TMPDIR }, cwd: TMPDIR }))
    await lines.next(/^Two hosts come/)
    expect(await lines.stop()).toBe(0)
    expect(readdirSync(TMPDIR)).toEqual([])
  })
})
