/*
 * Unicode's controls (C0, DEL, C1), line and paragraph separators, lone surrogates, and the marks that turn the direction of
 * writing: what could move the cursor, start an escape sequence, forge a line, or show text in another order than it has.
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text from anywhere, made safe to show on a terminal: one line, no escape sequences; what was unsafe is shown as `\x1b`, `\n`, …. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (unsafe) => {
    const code = unsafe.charCodeAt(0)
    return SHORT[unsafe] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(code))
  })
}

/** JSON text with the same characters written as `\uXXXX`: still the same value. Line ends outside strings stay. */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (unsafe) => (unsafe === '\n' ? unsafe : unicodeEscape(unsafe.charCodeAt(0))))
}

/** Whether `printable` would change the text. */
export function isPrintable(text: string): boolean {
  return text.search(UNSAFE) === -1
}

function unicodeEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}

const WIDE = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u
const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u

/** How many columns of a terminal the text takes. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}
