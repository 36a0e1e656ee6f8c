import { json, type Route, route } from './route.ts'
import { isOptional, type JsonSchema, type ObjectSchema, type Schema } from './schema.ts'
import { NAMED } from './wire.ts'

/** The API's document, made from the table that serves it. */
export function openapiRoute(routes: readonly Route[]): Route {
  const own = {
    method: 'GET',
    path: '/openapi.json',
    rule: null,
    summary: 'This document: OpenAPI 3.1.',
    answers: { 200: 'The document.' },
    answer: { json: { type: 'object' }, expected: 'a document', parse: (value: unknown) => value },
  } as const
  const document = renderOpenapi([...routes, route({ ...own, handle: () => json({}) })])
  return route({ ...own, handle: () => json(document) })
}

/** OpenAPI 3.1 of these routes. */
export function renderOpenapi(routes: readonly Route[]): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const each of routes) paths[each.path] = { ...paths[each.path], [each.method.toLowerCase()]: operation(each) }
  return {
    openapi: '3.1.0',
    info: { title: "novacast: the operator's API", version: 'v1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      schemas: { ...mapValues(NAMED, ({ json }) => withReferences(json, true)), Fault: FAULT },
      responses: {
        Fault: { description: 'Refused.', headers: ANSWER_HEADERS, content: content('application/json', refer('Fault')) },
      },
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } },
    },
  }
}

/** Nova's envelope: the key says what kind of refusal it is. */
const FAULT: JsonSchema = {
  type: 'object',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: {
    type: 'object',
    properties: { code: { type: 'integer' }, message: { type: 'string' } },
    required: ['code', 'message'],
  },
}

const ANSWER_HEADERS = { 'X-Openstack-Request-Id': { description: 'To find it in the log.', schema: { type: 'string' } } }

function operation(route: Route): JsonSchema {
  const { summary, rule, params, query, answers } = route
  const body = bodyOf(route)
  return {
    summary,
    ...(rule === null ? { security: [] } : { security: [{ token: [] }], description: `Policy: \`${rule}\`.` }),
    parameters: [...parameters('path', params), ...parameters('query', query)],
    ...(body !== null && { requestBody: { required: !isOptional(route.body), content: body } }),
    responses: {
      ...mapValues(answers, (description) => ({ description, headers: ANSWER_HEADERS, ...answerOf(route) })),
      default: { $ref: '#/components/responses/Fault' },
    },
  }
}

function parameters(place: 'path' | 'query', schema: ObjectSchema<unknown> | undefined): readonly JsonSchema[] {
  return Object.entries(schema?.fields ?? {}).map(([name, field]) => ({
    name,
    in: place,
    required: !isOptional(field),
    description: field.expected,
    schema: field.json,
  }))
}

function bodyOf({ body, lines }: Route): JsonSchema | null {
  if (body !== undefined) return content('application/json', withReferences(body.json))
  return lines === undefined ? null : content('application/x-ndjson', eachOf('A line', [lines]))
}

function answerOf({ answer, text, events }: Route): JsonSchema {
  if (answer !== undefined) return { content: content('application/json', withReferences(answer.json)) }
  if (text !== undefined) return { content: content(text, { type: 'string' }) }
  if (events === undefined) return {}
  const names = Object.keys(events).join(', ')
  return { content: content('text/event-stream', eachOf(`Events ${names}; the data of one`, Object.values(events))) }
}

function content(type: string, schema: JsonSchema): JsonSchema {
  return { [type]: { schema } }
}

/** OpenAPI has no word for bodies that are sequences: they are text, and the schema of each part is told beside it. */
function eachOf(what: string, schemas: readonly Schema<unknown>[]): JsonSchema {
  const distinct = [...new Set(schemas)].map(({ json }) => withReferences(json))
  return {
    type: 'string',
    description: `${what} is JSON.`,
    contentMediaType: 'application/json',
    contentSchema: { anyOf: distinct },
  }
}

const refer = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })
const NAMES: ReadonlyMap<unknown, string> = new Map(Object.entries(NAMED).map(([name, { json }]) => [json, name]))

/** The schema with a reference in place of each one inside it that has a name; itself too, unless it is the definition. */
function withReferences(schema: JsonSchema, isDefinition = false): JsonSchema {
  const name = NAMES.get(schema)
  if (name !== undefined && !isDefinition) return refer(name)
  return mapValues(schema, replaceIn)
}

function replaceIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaceIn)
  return typeof value === 'object' && value !== null ? withReferences(value as JsonSchema) : value
}

function mapValues<T, U>(entries: Readonly<Record<string, T>>, map: (value: T) => U): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, map(value)]))
}
