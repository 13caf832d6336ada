/**
 * Turns a token into the key that it is cached under, and the means to seal and open its row. Neither the key nor
 * the row lets a reader of the cache learn the token or the identity, and no one without the secret can forge one.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12; // NIST SP 800-38D §8.2.2: 96 random bits
const TAG_BYTES = 16;
const ROW_FORMAT = 'card-backend token row v1'; // a row of another format does not open, which is a miss

export interface TokenKey {
  readonly id: string; // hex HMAC-SHA256, 64 digits
  /** Encrypts for the holder of the token alone, bound to this key: moved to another key's row it does not open. */
  seal(plaintext: string): Uint8Array;
  /** The plaintext, or undefined when it was not sealed by this token, key, secret and row format. */
  open(sealed: Uint8Array): string | undefined;
}
export type DeriveTokenKey = (token: string) => TokenKey;

/** @param secret at least 32 characters, the same for all instances that share a table */
export function createDeriveTokenKey(secret: string, provider: { name: string; endpoint: string }): DeriveTokenKey {
  const hmacKey = createSecretKey(secret, 'utf8');
  const prefix = lengthPrefixed(provider.name) + lengthPrefixed(provider.endpoint);

  return function deriveTokenKey(token) {
    const id = createHmac('sha256', hmacKey).update(prefix).update(lengthPrefixed(token)).digest('hex');
    // Derived only when the table is used: a memory hit must cost one HMAC, no more.
    const sealingKey = () => Buffer.from(hkdfSync('sha256', token, secret, ROW_FORMAT, 32));
    return { id, seal: (text) => seal(sealingKey(), id, text), open: (sealed) => open(sealingKey(), id, sealed) };
  };
}

/** Without the length, ("ab","c") and ("a","bc") would make one key. */
const lengthPrefixed = (part: string) => `${Buffer.byteLength(part)}:${part}`;

function seal(key: Buffer, id: string, plaintext: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(id));
  const encrypted = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), encrypted]);
}

function open(key: Buffer, id: string, sealed: Uint8Array): string | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(id)).setAuthTag(tag);
  try {
    return decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}
