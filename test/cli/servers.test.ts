import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand, startCommand } from './command.ts'
import { readLines, type Service, startService } from './service.ts'

const A = '11111111-1111-4111-8111-111111111111'
const B = '22222222-2222-4222-8222-222222222222'

let service: Service
let directory = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'novacast-servers-'))
  service = await startService()
})
afterAll(async () => {
  await service.stop()
  rmSync(directory, { recursive: true })
})

const run = (args: readonly string[], input?: string) =>
  runCommand(['servers', ...args], { environment: { NOVACAST_URL: service.url }, ...(input === undefined ? {} : { input }) })

function residentKib(pid: number | undefined): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

describe('novacast servers', () => {
  it('registers, shows, changes and deletes a server', async () => {
    const columns = ['-f', 'value', '-c', 'host', '-c', 'moving_to', '-c', 'project_id', '-c', 'name']
    expect(await run(['set', A, '--host', 'compute-1', '--name', 'web-1', ...columns])).toEqual({
      code: 0,
      stdout: 'compute-1\nNone\nNone\nweb-1\n',
      stderr: '',
    })
    expect(await run(['set', A, '--moving-to', 'compute-2', '--project-id', 'p', ...columns])).toMatchObject({
      stdout: 'compute-1\ncompute-2\np\nweb-1\n',
    })
    expect(await run(['set', A, '--no-host', '--no-moving-to', ...columns])).toMatchObject({ stdout: 'None\nNone\np\nweb-1\n' })
    expect(await run(['show', A, ...columns])).toMatchObject({ code: 0, stdout: 'None\nNone\np\nweb-1\n' })
    expect(await run(['delete', A])).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await run(['show', A])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^novacast: 404 itemNotFound: .*\n$/),
    })
    expect(await run(['delete', A])).toMatchObject({ code: 1 })
  })

  it('prints every format in the look of OpenStack’s client', async () => {
    await run(['import', '-'], `{"uuid": "${A}", "host": "compute-1", "name": "web-1"}\n{"uuid": "${B}", "host": null}\n`)
    const list = async (format: string) => (await run(['list', '-f', format, '-c', 'uuid', '-c', 'host', '-c', 'name'])).stdout
    expect(await list('table')).toBe(
      [
        '+--------------------------------------+-----------+-------+',
        '| uuid                                 | host      | name  |',
        '+--------------------------------------+-----------+-------+',
        `| ${A} | compute-1 | web-1 |`,
        `| ${B} | None      | None  |`,
        '+--------------------------------------+-----------+-------+',
        '',
      ].join('\n'),
    )
    expect(JSON.parse(await list('json'))).toEqual([
      { uuid: A, host: 'compute-1', name: 'web-1' },
      { uuid: B, host: null, name: null },
    ])
    expect(await list('yaml')).toBe(`- uuid: ${A}\n  host: compute-1\n  name: web-1\n- uuid: ${B}\n  host: null\n  name: null\n`)
    expect(await list('csv')).toBe(`"uuid","host","name"\n"${A}","compute-1","web-1"\n"${B}","",""\n`)
    expect(await list('value')).toBe(`${A} compute-1 web-1\n${B} None None\n`)
    expect((await run(['list', '--host', 'compute-1', '-f', 'value', '-c', 'uuid'])).stdout).toBe(`${A}\n`)
  })

  it('says when a list is not whole', async () => {
    expect(await run(['list', '--limit', '1', '-f', 'value', '-c', 'uuid'])).toEqual({
      code: 0,
      stdout: `${A}\n`,
      stderr: 'these are the first 1; there are more: --limit 0 shows all\n',
    })
  })

  it('never lets a name speak to the terminal', async () => {
    await run(['import', '-'], `{"uuid": "${B}", "host": "compute-1", "name": "\\u001b]0;owned\\u0007\\n+---+"}\n`)
    for (const format of ['table', 'json', 'yaml', 'csv', 'value'])
      expect((await run(['show', B, '-f', format])).stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
    expect((await run(['show', B, '-f', 'value', '-c', 'name'])).stdout).toBe('\\x1b]0;owned\\x07\\n+---+\n')
    expect(JSON.parse((await run(['show', B, '-f', 'json', '-c', 'name'])).stdout)).toEqual({ name: '\x1b]0;owned\x07\n+---+' })
    await run(['delete', B])
  })

  it('imports nothing when a line is bad, and names it', async () => {
    const result = await run(['import', '-'], `{"uuid": "${B}", "host": "compute-1"}\n{"uuid": "nonsense"}\n`)
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(/novacast: 400 badRequest: .*\b2\b/)
    expect((await run(['show', B])).code).toBe(1)
  })

  it('imports a hundred thousand servers in small memory and tells how it went', async () => {
    const path = join(directory, 'servers.ndjson')
    const file = await open(path, 'w')
    for (let thousand = 0; thousand < 100; thousand++) {
      const line = (i: number) =>
        `{"uuid": "${`${thousand * 1000 + i}`.padStart(8, '0')}-0000-4000-8000-000000000000", "host": "bulk"}\n`
      await file.write(Array.from({ length: 1000 }, (_, i) => line(i)).join(''))
    }
    await file.close()
    const child = startCommand(['servers', 'import', path, '-f', 'value'], { environment: { NOVACAST_URL: service.url } })
    let mostKib = 0
    const watch = setInterval(() => {
      mostKib = Math.max(mostKib, residentKib(child.pid))
    }, 50)
    const lines = readLines(child)
    expect(await lines.next(/^\d+$/)).toBe('100000')
    expect(await lines.next(/^sent/)).toMatch(/^sent 100000 lines, 6\.\d MiB, in \d+\.\d s$/)
    clearInterval(watch)
    expect(mostKib).toBeLessThan(150 * 1024)
    const [first] =
      (await run(['list', '--host', 'bulk', '--limit', '1', '-f', 'json', '-c', 'uuid'])).stdout.match(/[0-9a-f-]{36}/) ?? []
    expect(first).toBe('00000000-0000-4000-8000-000000000000')
  })
})
