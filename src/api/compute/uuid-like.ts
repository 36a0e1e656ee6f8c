import { isCanonicalUuid } from '../../lib/uuid.ts'

const HEX = /^[0-9a-f]{32}$/i

/**
 * What passes for a uuid: 32 hexadecimal digits, whatever dashes stand between them, and around them `urn:`, `uuid:` and braces.
 * Source: oslo_utils.uuidutils.is_uuid_like, and Python's uuid.UUID below it.
 */
export function isUuidLike(text: string): boolean {
  if (isCanonicalUuid(text)) return true
  const bare = text.replaceAll('urn:', '').replaceAll('uuid:', '')
  return HEX.test(withoutBraces(bare).replaceAll('-', ''))
}

function withoutBraces(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBrace(text[from])) from++
  while (to > from && isBrace(text[to - 1])) to--
  return text.slice(from, to)
}

function isBrace(char: string | undefined): boolean {
  return char === '{' || char === '}'
}
