/** A case that novacast answers otherwise than Nova, on purpose. docs/differences.md says it to users. */
interface Deviation {
  readonly reason: string
  /** What novacast answers. */
  readonly status: number
  readonly cases: readonly string[]
}

/** Every one there is. */
const DEVIATIONS: readonly Deviation[] = [
  {
    reason: 'Nova fails the whole request for one server without a cell; novacast answers for each event: that one is 422',
    status: 207,
    cases: [
      'server-state/building-network-vif-plugged',
      'server-state/building-power-update',
      'server-state/building-with-good',
      'v2/building',
    ],
  },
  {
    reason: 'Nova answers 500 to a body that is no UTF-8',
    status: 400,
    cases: ['json/latin-1', 'json/latin-1-declared', 'json/utf-8-cut', 'precedence/utf8-project', 'precedence/utf8-role'],
  },
  { reason: 'Nova answers 500 to what nests too deep', status: 400, cases: ['json/deep-5000', 'json/deep-objects'] },
  { reason: 'Nova answers 500 to a version of more than 4300 digits', status: 400, cases: ['size/version-5k-minor'] },
  {
    reason: 'Nova answers 500 to a request without a body that _method makes a POST',
    status: 400,
    cases: ['method/query-override-GET-as-POST-61f', 'method/query-override-GET-as-post-9b4'],
  },
  { reason: "frontend: Nova's WSGI server drops a chunked body; novacast reads it", status: 200, cases: ['json/chunked'] },
  {
    reason: 'Node takes the white space behind a header off, as RFC 9110 says, before any code runs',
    status: 200,
    cases: ['content-type/application-json-f22e'],
  },
  {
    reason: "Node's parser knows the registered methods alone, and refuses others before any code runs",
    status: 400,
    cases: ['method/FOO', 'method/FOO-no-token', 'method/post', 'method/post-no-token', 'method/Post-no-token'],
  },
  { reason: "Node's parser refuses a path that is not ASCII", status: 400, cases: ['discovery/nope-a52b-none'] },
  { reason: "frontend: Node's parser refuses a length below zero", status: 400, cases: ['size/length-negative'] },
]

const byCase = new Map(DEVIATIONS.flatMap((deviation) => deviation.cases.map((id) => [id, deviation])))

/** Why a case is answered otherwise, and how; null for one that is not. */
export function deviationOf(id: string): Deviation | null {
  return byCase.get(id) ?? null
}

/** The ids of all that deviate. */
export const DEVIATING: readonly string[] = [...byCase.keys()]
