/** The service was told something that it cannot do or does not understand. `message` says everything that is wrong, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** One sentence each: where, what was expected, what came. Never a secret. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options)
    this.problems = problems
  }
}
