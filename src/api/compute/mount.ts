import { bestMatch, parseMediaRange } from './accept.ts'

/** Which of the applications behind Nova's port a request is for, and what it sees of the path. */
export interface Mount {
  /** `versions`: the root; `version`: the document of one version; `api`: the API itself. */
  readonly kind: 'versions' | 'version' | 'api'
  /** Under /v2, with its relaxed rules. */
  readonly isLegacy: boolean
  /** Where the application is mounted: WSGI's SCRIPT_NAME. */
  readonly scriptName: string
  /** The rest: WSGI's PATH_INFO. */
  readonly pathInfo: string
  /** What answers that are no errors are said to be. */
  readonly mediaType: string
}

/** What a request says that bears on where it is mounted. */
export interface Address {
  /** Where Nova's own root is; empty or a prefix of the operator's choice. */
  readonly root: string
  readonly path: string
  readonly contentType: string | undefined
  readonly accept: string | undefined
}

const JSON_TYPE = 'application/json'
/** Types of bodies, both ways. Source: nova/api/openstack/wsgi.py. */
export const MEDIA_TYPES: readonly string[] = [JSON_TYPE, 'application/vnd.openstack.compute+json']
const ATOM_TYPE = 'application/atom+xml'

type Application = Pick<Mount, 'kind' | 'isLegacy'> & { readonly at: string }

const ROOT: Application = { kind: 'versions', isLegacy: false, at: '' }
const VERSION: Application = { kind: 'version', isLegacy: false, at: '/v2.1' }
const LEGACY_VERSION: Application = { kind: 'version', isLegacy: true, at: '/v2' }
const API: Application = { kind: 'api', isLegacy: false, at: '/v2.1' }
const LEGACY_API: Application = { kind: 'api', isLegacy: true, at: '/v2' }

/**
 * Finds the application for a request: by its path; else, where that leads to the root, by a `version` that the Content-Type or the
 * Accept header names. Source: nova/api/openstack/urlmap.py URLMap and api-paste.ini.
 */
export function mountOf({ root, path, contentType, accept }: Address): Mount {
  const normal = path.includes('//') ? path.replaceAll(/\/{2,}/g, '/') : path
  const byPath = applicationAt(normal)
  const isIndex = normal === '/' || (byPath !== ROOT && normal === `${byPath.at}/`)
  const wanted = isPlainJson(accept) ? null : bestMatch(accept ?? '', isIndex ? [...MEDIA_TYPES, ATOM_TYPE] : MEDIA_TYPES)
  const mediaType = suffixType(normal) ?? wanted?.type ?? JSON_TYPE
  const { kind, isLegacy, at } = byPath
  if (byPath !== ROOT) return { kind, isLegacy, scriptName: root + at, pathInfo: normal.slice(at.length), mediaType }
  const named = applicationNamed(contentType) ?? applicationOf(wanted?.params)
  if (named === null) return { kind, isLegacy, scriptName: root, pathInfo: normal, mediaType }
  return { kind: named.kind, isLegacy: named.isLegacy, scriptName: root + named.at, pathInfo: path, mediaType }
}

/** Longest first. The API is what has something behind its slash; the document is what has nothing. */
function applicationAt(path: string): Application {
  if (path.startsWith('/v2.1/') && path.length > '/v2.1/'.length) return API
  if (path.startsWith('/v2/') && path.length > '/v2/'.length) return LEGACY_API
  if (path === '/v2.1' || path === '/v2.1/') return VERSION
  if (path === '/v2' || path === '/v2/') return LEGACY_VERSION
  return ROOT
}

/** The common headers, of which nothing follows. */
function isPlainJson(accept: string | undefined): boolean {
  return accept === undefined || accept === '*/*' || accept === JSON_TYPE
}

function suffixType(path: string): string | null {
  const dot = path.lastIndexOf('.')
  const type = dot < 0 ? '' : `application/${path.slice(dot + 1)}`
  return MEDIA_TYPES.includes(type) ? type : null
}

function applicationNamed(contentType: string | undefined): Application | null {
  if (!contentType?.includes('version')) return null
  return applicationOf(parseMediaRange(contentType).params)
}

function applicationOf(params: ReadonlyMap<string, string | null> | undefined): Application | null {
  const version = params?.get('version')
  return version === undefined || version === null ? null : applicationAt(`/v${version}`)
}
