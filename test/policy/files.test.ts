import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { PolicyConfig } from '../../src/config/config.ts'
import type { Caller } from '../../src/identity/identity.ts'
import { createLog } from '../../src/observe/log.ts'
import { checkPolicy } from '../../src/policy/check.ts'
import { openPolicy } from '../../src/policy/open-policy.ts'

const CREATE = 'os_compute_api:os-server-external-events:create'

const withRole = (role: string): Caller => ({
  userId: 'u',
  userName: null,
  userDomainId: null,
  projectId: 'p',
  projectName: null,
  projectDomainId: null,
  domainId: null,
  systemScope: null,
  roles: [role],
  serviceRoles: [],
  isAdminProject: true,
  catalog: [],
})

/** A folder with a policy of its own. */
function createPlace() {
  const root = mkdtempSync(join(tmpdir(), 'novacast-policy-test-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const config: PolicyConfig = {
    file: join(root, 'policy.yaml'),
    dirs: [join(root, 'policy.d'), join(root, 'later.d')],
    defaultRule: 'default',
    enforceScope: false,
  }
  const write = (name: string, text: string) => writeFileSync(join(root, name), text)
  return { root, config, write }
}

/** An open policy, and what it logged. */
function open(config: PolicyConfig) {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const policy = openPolicy({ config, log: createLog({ level: 'info', destination }) })
  onTestFinished(() => policy.close())
  const lets = (role: string) => policy.allows(CREATE, withRole(role))
  const errors = () => lines.filter((line) => line.includes('"level":50'))
  return { policy, lets, errors }
}

/** Well beyond the pace at which files are looked at, whatever the system tells. */
const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 })

describe('policy files', () => {
  it('are read in order: the file, then each folder by name, but for hidden files', () => {
    const { root, config, write } = createPlace()
    mkdirSync(join(root, 'policy.d'))
    write('policy.yaml', `"${CREATE}": "role:file"\n"context_is_admin": "role:boss"`)
    write('policy.d/20.json', JSON.stringify({ [CREATE]: 'role:twenty or rule:context_is_admin' }))
    write('policy.d/10.yaml', `"${CREATE}": "role:ten"`)
    write('policy.d/.30.yaml.swp', 'not yaml: [')
    mkdirSync(join(root, 'policy.d/nested'))
    const { lets } = open(config)
    expect(['file', 'ten', 'twenty', 'boss', 'admin'].map(lets)).toEqual([false, false, true, true, false])
  })

  it('need not exist', () => {
    const { lets, errors } = open(createPlace().config)
    expect(['admin', 'service', 'member'].map(lets)).toEqual([true, true, false])
    expect(errors()).toEqual([])
  })

  it('stop the start when they are broken, saying where', () => {
    const { config, write } = createPlace()
    write('policy.yaml', `"a": "role:x"\n"${CREATE}": "role:x\n`)
    expect(() => openPolicy({ config, log: createLog({ level: 'silent' }) })).toThrow(/policy\.yaml:\d+:\d+: /)
    write('policy.yaml', `"a": "role:x"\n"b": !\n"c": no\n`)
    expect(() => openPolicy({ config, log: createLog({ level: 'silent' }) })).toThrow(
      /policy\.yaml:2:1: b: expected a rule in quotes.*\n.*policy\.yaml:3:1: c: expected a rule in quotes/,
    )
    writeFileSync(config.file ?? '', Buffer.from([0x61, 0xff, 0x3a]))
    expect(() => openPolicy({ config, log: createLog({ level: 'silent' }) })).toThrow(/policy\.yaml: /)
  })

  it('are followed as they are written, replaced, added and removed', async () => {
    const { root, config, write } = createPlace()
    write('policy.yaml', `"${CREATE}": "role:one"`)
    const { lets } = open(config)
    expect(lets('one')).toBe(true)

    write('policy.yaml', `"${CREATE}": "role:two"`)
    await soon(() => expect([lets('one'), lets('two')]).toEqual([false, true]))

    for (const role of ['three', 'four', 'five']) {
      write('policy.yaml.new', `"${CREATE}": "role:${role}"`)
      renameSync(join(root, 'policy.yaml.new'), join(root, 'policy.yaml'))
      await soon(() => expect(lets(role)).toBe(true))
    }

    mkdirSync(join(root, 'later.d'))
    write('later.d/a.yaml', `"${CREATE}": "role:six"`)
    await soon(() => expect([lets('five'), lets('six')]).toEqual([false, true]))

    rmSync(join(root, 'later.d'), { recursive: true })
    await soon(() => expect([lets('five'), lets('six')]).toEqual([true, false]))
  })

  it('that break later leave the rules as they were, and say so loudly, until they are whole again', async () => {
    const { config, write } = createPlace()
    write('policy.yaml', `"${CREATE}": "role:one"`)
    const { lets, errors } = open(config)
    appendFileSync(config.file ?? '', '\n"broken": "role:')
    await soon(() => expect(errors()).toHaveLength(1))
    expect(errors()[0]).toMatch(/the rules from before stay: .*policy\.yaml:2:\d+: /)
    expect([lets('one'), lets('admin')]).toEqual([true, false])

    write('policy.yaml', `"${CREATE}": "role:two"`)
    await soon(() => expect(lets('two')).toBe(true))
  })

  it('that vanish do not open what they closed', async () => {
    const { config, write } = createPlace()
    write('policy.yaml', `"${CREATE}": "role:one"`)
    const { lets, errors } = open(config)
    rmSync(config.file ?? '')
    await soon(() => expect(errors()[0]).toMatch(/policy\.yaml is gone; the rules from before stay/))
    expect([lets('one'), lets('admin')]).toEqual([true, false])
    write('policy.yaml', `"${CREATE}": "role:two"`)
    await soon(() => expect(lets('two')).toBe(true))
  })

  it('say loudly which rule is not understood', () => {
    const { config, write } = createPlace()
    write('policy.yaml', `"${CREATE}": "http://policy.example/%(x)s"`)
    const { lets, errors } = open(config)
    expect(errors()).toEqual([expect.stringContaining('policy.yaml:1:1')])
    expect(lets('admin')).toBe(false)
  })
})

describe('checkPolicy', () => {
  it('says which rules there are, or what is wrong where', () => {
    const { config, write } = createPlace()
    expect(checkPolicy({ ...config, file: null })).toEqual([
      { name: 'policy', ok: true, detail: 'no files, the default rules', mend: null },
    ])
    write('policy.yaml', `"${CREATE}": "role:one"`)
    expect(checkPolicy(config)).toEqual([{ name: 'policy', ok: true, detail: `1 rule in ${config.file}`, mend: null }])
    write('policy.yaml', `"${CREATE}": "role:one or"`)
    expect(checkPolicy(config)).toEqual([
      expect.objectContaining({ ok: false, detail: expect.stringContaining('policy.yaml:1:1') }),
    ])
    write('policy.yaml', '"a": "')
    expect(checkPolicy(config)).toEqual([expect.objectContaining({ ok: false, mend: expect.stringContaining('does not start') })])
  })

  it('tells of what may not be read', () => {
    const { config, write, root } = createPlace()
    write('policy.yaml', '')
    mkdirSync(join(root, 'policy.d'))
    rmSync(config.file ?? '')
    mkdirSync(config.file ?? '')
    chmodSync(config.file ?? '', 0o700)
    expect(checkPolicy(config)).toEqual([expect.objectContaining({ ok: false, detail: expect.stringContaining('policy.yaml') })])
  })
})
