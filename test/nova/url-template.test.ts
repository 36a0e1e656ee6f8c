import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fillTemplate } from '../../src/nova/url-template.ts'
import { hasPython, runPython } from '../support/python.ts'

const LOCALS = [
  'mysql+pymysql://nova:secret@controller:3306/nova?charset=utf8#top',
  'mysql+pymysql://nova@Controller.Example/nova_cell0',
  'postgresql://n%40va:p%2Fss@[2001:DB8::1]:5432//nova',
  'postgresql://[::1]/nova',
  'rabbit://openstack:secret@broker:5673/vhost?ssl=1',
  'rabbit://a:b@h1:1,c:d@h2:2/v',
  'rabbit://a:b@[::1]:5672,h2/v',
  'rabbit://h1,h2/v',
  'rabbit://:@h:0/',
  'rabbit://user@h:port/v',
  'mysql:///nova',
  'nothing',
]
const TEMPLATES = [
  '{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}#{fragment}',
  'rabbit://{username1}:{password1}@{hostname1}:{port1},{username2}:{password2}@{hostname2}:{port2}/{path}',
  'mysql://u:p@h/nova_cell1',
  'mysql://u:p{{x}}@h/{path}',
  'mysql://{nobody}@h/d',
  'mysql://{username@h/d',
  'mysql://username}@h/d',
  'mysql://{}@h/d',
]

describe.skipIf(!hasPython(['nova'], 'python3-nova'))('a URL of cell_mappings that is a template', () => {
  it('is filled from the local URL as the real Nova fills it', () => {
    const pairs = LOCALS.flatMap((local) => TEMPLATES.map((template) => [template, local] as const))
    const novas = runPython<(string | null)[]>(join(import.meta.dirname, 'url_template_peer.py'), pairs)
    const ours = pairs.map(([template, local]) => {
      const filled = fillTemplate(template, local)
      // What Nova cannot fill it uses as it is.
      return filled.kind === 'filled' ? filled.url : template
    })
    const differences = pairs.flatMap(([template, local], at) =>
      ours[at] === (novas[at] ?? template) ? [] : [{ template, local, ours: ours[at], novas: novas[at] }],
    )
    expect(differences).toEqual([])
  })

  it('is used as it is without a local URL', () => {
    expect(fillTemplate('{scheme}://{{', null)).toEqual({ kind: 'filled', url: '{scheme}://{{' })
  })
})
