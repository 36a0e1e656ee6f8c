import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { KeystoneConfig } from '../../config/config.ts'

/** How what is known of a token is kept where others may read or write. */
export interface Seal {
  /** What a token is kept under: 43 characters that do not tell the token. */
  keyOf(token: string): string
  /** A text that is safe to keep under that key. */
  close(key: string, text: string): string
  /** What was sealed for that key, or null where it was not. */
  open(key: string, sealed: string): string | null
}

/** What decides how to seal. */
export type SealConfig = Pick<
  KeystoneConfig,
  'authUrl' | 'includeServiceCatalog' | 'memcacheSecurityStrategy' | 'memcacheSecretKey'
>

/**
 * `none`: as it is. `mac`: signed, HMAC-SHA-256. `encrypt`: AES-256-GCM. A signature covers the key too: nothing can be moved to
 * another token. Keys differ by Keystone and by whether there is a catalog within, so that services that share a memcached do not
 * read each other's.
 */
export function createSeal({ authUrl, includeServiceCatalog, memcacheSecurityStrategy, memcacheSecretKey }: SealConfig): Seal {
  const scope = `${authUrl}\n${includeServiceCatalog ? 'catalog' : 'no catalog'}\n`
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', memcacheSecretKey ?? '', '', `novacast tokens in memcached: ${purpose}`, 32))
  const naming = derive('key')
  const keyOf = (token: string) => createHmac('sha256', naming).update(scope).update(token).digest('base64url')
  switch (memcacheSecurityStrategy) {
    case 'none':
      return {
        keyOf: (token) => hash('sha256', scope + token, 'base64url'),
        close: (_, text) => text,
        open: (_, sealed) => sealed,
      }
    case 'mac':
      return { keyOf, ...createSigning(derive('mac')) }
    case 'encrypt':
      return { keyOf, ...createEncryption(derive('encrypt')) }
  }
}

const SIGNATURE_LENGTH = 43

function createSigning(secret: Buffer): Omit<Seal, 'keyOf'> {
  const sign = (key: string, text: string) =>
    createHmac('sha256', secret).update(key).update('\n').update(text).digest('base64url')
  return {
    close: (key, text) => sign(key, text) + text,
    open: (key, sealed) => {
      const signature = Buffer.from(sealed.slice(0, SIGNATURE_LENGTH))
      const text = sealed.slice(SIGNATURE_LENGTH)
      const expected = Buffer.from(sign(key, text))
      return signature.length === expected.length && timingSafeEqual(signature, expected) ? text : null
    },
  }
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

function createEncryption(secret: Buffer): Omit<Seal, 'keyOf'> {
  return {
    close: (key, text) => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(key))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
    },
    open: (key, sealed) => {
      const bytes = Buffer.from(sealed, 'base64')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return null
      const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(key)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
      } catch {
        return null
      }
    },
  }
}
