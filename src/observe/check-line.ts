/** One thing that `novacast check` looked at. Never holds a secret. */
export interface CheckLine {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it; null where there is nothing to do. */
  readonly mend: string | null
}
