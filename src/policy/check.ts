import type { PolicyConfig } from '../config/config.ts'
import type { CheckLine } from '../observe/check-line.ts'
import { PolicyError } from './policy-error.ts'
import { readRules } from './read-rules.ts'
import { createRuleset } from './ruleset.ts'

const NAME = 'policy'

/** Whether the policy files can be used, and all their rules are understood. Never throws. */
export function checkPolicy(config: PolicyConfig): readonly CheckLine[] {
  try {
    const { files, rules } = readRules(config)
    const { complaints, written } = createRuleset(rules, config)
    if (complaints.length > 0)
      return complaints.map((detail) => ({ name: NAME, ok: false, detail, mend: 'put the rule right; until then it refuses' }))
    const missing = config.file === null || files.includes(config.file) ? '' : `; ${config.file} does not exist`
    const found = files.length === 0 ? 'no files, the default rules' : `${count(written.length, 'rule')} in ${files.join(', ')}`
    return [{ name: NAME, ok: true, detail: `${found}${missing}`, mend: null }]
  } catch (error) {
    const problems = error instanceof PolicyError ? error.problems : [String(error)]
    return problems.map((detail) => ({
      name: NAME,
      ok: false,
      detail,
      mend: 'put the file right; novacast does not start with it',
    }))
  }
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
