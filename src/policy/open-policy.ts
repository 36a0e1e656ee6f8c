import type { PolicyConfig } from '../config/config.ts'
import type { Log } from '../observe/log.ts'
import { NO_TARGET, type Policy } from './policy.ts'
import { PolicyError } from './policy-error.ts'
import { readRules } from './read-rules.ts'
import { createRuleset, type Ruleset } from './ruleset.ts'
import { watchRules } from './watch.ts'

/** What a policy is made of. */
export interface PolicyParts {
  readonly config: PolicyConfig
  readonly log: Log
}

/**
 * The policy that files and defaults give, followed as the files change. Throws a PolicyError where they cannot be used at the
 * start: better no service than one that lets in whom the file was to keep out. Later the rules from before stay, and the log
 * says so.
 */
export function openPolicy({ config, log }: PolicyParts): Policy {
  // Watched before they are read: a change in between is not missed.
  const stop = watchRules(config, () => {
    current = reload(current, config, log)
  })
  let current = loadOr(stop, config)
  announce(log, current.ruleset, 'policy read')
  return {
    allows: (rule, caller, target = NO_TARGET) => current.ruleset.allows(rule, caller, target),
    close: stop,
  }
}

interface Loaded {
  readonly ruleset: Ruleset
  /** Whether the policy file itself was there. */
  readonly hasFile: boolean
}

function load(config: PolicyConfig): Loaded {
  const { rules, files } = readRules(config)
  return { ruleset: createRuleset(rules, config), hasFile: config.file !== null && files.includes(config.file) }
}

function loadOr(stop: () => void, config: PolicyConfig): Loaded {
  try {
    return load(config)
  } catch (error) {
    stop()
    throw error
  }
}

/** The rules that the files give now; those from before where that is nothing to go by. */
function reload(before: Loaded, config: PolicyConfig, log: Log): Loaded {
  try {
    const loaded = load(config)
    if (before.hasFile && !loaded.hasFile) {
      log.error({ file: config.file }, `${config.file} is gone; the rules from before stay until it is back or novacast restarts`)
      return before
    }
    announce(log, loaded.ruleset, 'policy read again')
    return loaded
  } catch (error) {
    const problems = error instanceof PolicyError ? error.problems : [String(error)]
    log.error({ problems }, `the policy files cannot be used; the rules from before stay: ${problems.join('; ')}`)
    return before
  }
}

function announce(log: Log, { complaints, written }: Ruleset, message: string): void {
  log.info({ rules: written.length }, message)
  for (const complaint of complaints) log.error({ complaint }, `a policy rule was not understood: ${complaint}`)
}
