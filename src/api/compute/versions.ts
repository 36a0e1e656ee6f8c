import { asciiJson } from '../../lib/ascii-json.ts'

/** What links in version documents are made of. */
export interface Links {
  /** Where the application is, from the scheme on: WebOb's application_url, after compute_link_prefix. */
  readonly base: string
  /** The path of the request as it stands in a link. */
  readonly path: string
}

interface Version {
  readonly id: string
  readonly at: string
  readonly status: string
  readonly version: string
  readonly minVersion: string
  readonly updated: string
  readonly mediaType: string
}

const DESCRIBED_BY = '{"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}'

/** The documents that say which versions there are. Source: nova/api/openstack/compute/versions.py and views/versions.py. */
export function createVersionDocuments(maxMinor: number) {
  const legacy: Version = {
    id: 'v2.0',
    at: 'v2',
    status: 'SUPPORTED',
    version: '',
    minVersion: '',
    updated: '2011-01-21T11:33:21Z',
    mediaType: 'application/vnd.openstack.compute+json;version=2',
  }
  const current: Version = {
    id: 'v2.1',
    at: 'v2.1',
    status: 'CURRENT',
    version: `2.${maxMinor}`,
    minVersion: '2.1',
    updated: '2013-07-23T11:33:21Z',
    mediaType: 'application/vnd.openstack.compute+json;version=2.1',
  }
  const all = [legacy, current]
  return {
    /** Of the root. */
    index: (links: Links): string =>
      `{"versions": [${all.map((each) => `{${summary(each)}, ${self(join(links.base, each.at, ''))}]}`).join(', ')}]}`,
    /** Of any other path that is no version's: where the same would be found under each. */
    choices: (links: Links): string => `{"choices": [${all.map((each) => choice(each, links)).join(', ')}]}`,
    /** Of one version, mounted at `base`. */
    version: (isLegacy: boolean, links: Links): string => {
      const version = isLegacy ? legacy : current
      return `{"version": {${summary(version)}, ${self(`${trimEnd(links.base)}/`)}, ${DESCRIBED_BY}], ${mediaTypes(version)}}}`
    },
  }
}

function summary({ id, status, version, minVersion, updated }: Version): string {
  return `"id": "${id}", "status": "${status}", "version": "${version}", "min_version": "${minVersion}", "updated": "${updated}"`
}

function choice(version: Version, { base, path }: Links): string {
  const link = self(join(base, version.at, path))
  return `{"id": "${version.id}", "status": "${version.status}", ${link}], ${mediaTypes(version)}}`
}

/** Left open: a list to which others may be added. */
function self(href: string): string {
  return `"links": [{"rel": "self", "href": ${asciiJson(href)}}`
}

function mediaTypes({ mediaType }: Version): string {
  return `"media-types": [{"base": "application/json", "type": "${mediaType}"}]`
}

/** Nova's url_join: no slashes at either end of a part, and one at the end where the last part is empty. */
function join(base: string, version: string, path: string): string {
  const parts = [base, version, path].filter((part) => part !== '').map((part) => trimEnd(part).replace(/^\/+/, ''))
  return (path === '' ? [...parts, ''] : parts).join('/')
}

function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === '/') end--
  return text.slice(0, end)
}
