// Encryption at rest. What is on disk is AES-256-GCM under a key of this browser: one that scripts cannot take out of it
// (`device`), or one that is itself kept encrypted under a passphrase (`passphrase`). A passphrase is stretched by PBKDF2
// once per visit, not once per recording; nothing of it is stored.
import { RecorderError } from './errors';

/**
 * - `off`: as the browser stores it.
 * - `device`: unreadable in a copy of the profile's recordings without its key store; whoever can open the browser can read it.
 * - `passphrase`: unreadable to all who don't know the passphrase. It cannot be recovered.
 */
export type Protection = 'off' | 'device' | 'passphrase';

type Bytes = Uint8Array<ArrayBuffer>;

/** A key as the database keeps it. */
export type StoredKey =
  | { readonly id: string; readonly kind: 'device'; readonly key: CryptoKey }
  | { readonly id: string; readonly kind: 'passphrase'; readonly salt: Bytes; readonly iterations: number; readonly wrapped: ArrayBuffer };

/** For PBKDF2 with SHA-256: OWASP, Password Storage Cheat Sheet. */
const ITERATIONS = 600_000;
const AES = { name: 'AES-GCM', length: 256 } as const;
/** Recommended by NIST SP 800-38D; random, of which one key has room for 2^32. Bytes. */
const IV_BYTES = 12;
/** What the wrapped key is bound to, as chunks are to their place. */
const WRAPPED = 'key';

export async function createDeviceKey(): Promise<Extract<StoredKey, { kind: 'device' }>> {
  return { id: crypto.randomUUID(), kind: 'device', key: await crypto.subtle.generateKey(AES, false, ['encrypt', 'decrypt']) };
}

/** @returns what to store, and the key it opens to */
export async function createPassphraseKey(passphrase: string): Promise<{ stored: StoredKey; key: CryptoKey }> {
  const secret = crypto.getRandomValues(new Uint8Array(AES.length / 8));
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const wrapped = await seal(await stretch(passphrase, salt, ITERATIONS), secret, WRAPPED);
  const key = await importKey(secret);
  secret.fill(0);
  return { stored: { id: crypto.randomUUID(), kind: 'passphrase', salt, iterations: ITERATIONS, wrapped }, key };
}

/** Null if the passphrase is not the one: the wrapped key's authentication tag says so. */
export async function openPassphraseKey({ salt, iterations, wrapped }: Extract<StoredKey, { kind: 'passphrase' }>, passphrase: string): Promise<CryptoKey | null> {
  const secret = await open(await stretch(passphrase, salt, iterations), wrapped, WRAPPED);
  return secret === null ? null : await importKey(new Uint8Array(secret));
}

/**
 * @param place what the data is and where it belongs: opened as anything else, or elsewhere, it is as good as damaged
 * @returns the initialisation vector, the encrypted data and its authentication tag
 */
export async function seal(key: CryptoKey, data: ArrayBuffer | Bytes, place: string): Promise<ArrayBuffer> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const encrypted = await crypto.subtle.encrypt(gcm(iv, place), key, data);
  const sealed = new Uint8Array(IV_BYTES + encrypted.byteLength);
  sealed.set(iv);
  sealed.set(new Uint8Array(encrypted), IV_BYTES);
  return sealed.buffer;
}

/** Null if it is damaged, was sealed for another place, or by another key. */
export async function open(key: CryptoKey, sealed: ArrayBuffer, place: string): Promise<ArrayBuffer | null> {
  if (sealed.byteLength <= IV_BYTES) return null;
  try {
    return await crypto.subtle.decrypt(gcm(new Uint8Array(sealed, 0, IV_BYTES), place), key, new Uint8Array(sealed, IV_BYTES));
  } catch {
    return null;
  }
}

function gcm(iv: Bytes, place: string): AesGcmParams {
  return { name: AES.name, iv, additionalData: new TextEncoder().encode(place) };
}

async function stretch(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  if (passphrase === '') throw new RecorderError('passphrase', 'An empty passphrase protects nothing');
  // The same words typed on another keyboard may be composed of other characters.
  const typed = new TextEncoder().encode(passphrase.normalize('NFKC'));
  const material = await crypto.subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveKey']);
  return await crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, material, AES, false, ['encrypt', 'decrypt']);
}

/** Not extractable: it can be sent to the export worker, and read by no script. */
function importKey(secret: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', secret, AES, false, ['encrypt', 'decrypt']);
}
