const PLAIN = /^[ -~]*$/
const OUTSIDE = /[\u007f-\uffff]/g

/** A string as JSON in ASCII alone, as Python's json.dumps writes it: what is beyond stands as `\uXXXX`. */
export function asciiJson(text: string): string {
  const json = JSON.stringify(text)
  return PLAIN.test(text) ? json : json.replaceAll(OUTSIDE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
