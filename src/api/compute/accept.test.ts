import { describe, expect, it } from 'vitest'
import { bestMatch, parseMediaRange } from './accept.ts'
import { renderErrorPage } from './error-page.ts'

const OFFERS = ['application/json', 'application/vnd.openstack.compute+json']

describe('bestMatch', () => {
  // Asked of Nova.
  it.each([
    ['', null],
    ['application/json', 'application/json'],
    ['application/vnd.openstack.compute+json', 'application/vnd.openstack.compute+json'],
    ['application/vnd.openstack.compute+json, application/json', 'application/json'],
    ['application/vnd.openstack.compute+json;q=0', 'application/vnd.openstack.compute+json'],
    ['application/json;q=0.2, application/vnd.openstack.compute+json', 'application/vnd.openstack.compute+json'],
    ['APPLICATION/JSON', null],
    ['text/html', null],
    ['application/json;q=abc', null],
    ['*', null],
    ['"a,b", application/*;q=0.1', 'application/json'],
  ])('takes of %j the type %s', (accept, type) => {
    expect(bestMatch(accept, OFFERS).type).toBe(type)
  })

  it('gives the parameters of the range that matched', () => {
    expect(bestMatch('text/html, application/json; version="2.1"', OFFERS).params).toEqual(new Map([['version', '2.1']]))
    expect(parseMediaRange('a/b;version').params).toEqual(new Map([['version', null]]))
  })
})

describe('renderErrorPage', () => {
  const typeFor = (accept: string) => renderErrorPage('404 Not Found', 'No.', accept).type.split(';')[0]

  // Asked of Nova.
  it.each([
    ['', 'text/plain'],
    [',', 'text/plain'],
    ['application/xml', 'text/plain'],
    ['application/json;version=2.1', 'text/plain'],
    ['*/*', 'text/html'],
    ['text/*', 'text/html'],
    ['application/json, text/html', 'text/html'],
    ['application/json;q=abc', 'text/html'],
    ['application/json, text/html;q=0.5', 'application/json'],
    ['text/html;q=0, */*', 'application/json'],
    ['APPLICATION/JSON', 'application/json'],
  ])('answers %j with %s', (accept, type) => {
    expect(typeFor(accept)).toBe(type)
  })

  it('writes JSON that is JSON', () => {
    const { body } = renderErrorPage('404 Not Found', 'No.', 'application/json')
    expect(JSON.parse(body)).toEqual({ message: 'No.<br /><br />\n\n\n', code: '404 Not Found', title: 'Not Found' })
  })
})
