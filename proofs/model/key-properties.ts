/** What keys and sealed rows must withstand, tried with random and with confusable tokens, secrets and services. */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { TableClient } from '@azure/data-tables';
import fc from 'fast-check';
import { createDeriveTokenKey, type TokenKey } from '../../shared/auth/token-key';
import type { StoredIdentity, TokenStore } from '../../shared/auth/validator';
import { createTokenTable } from '../../shared/storage/token-table';
import { createFakeClock } from '../../test/harness/fake-clock';
import { START_MS } from './plan';

export interface KeyProperty {
  readonly name: string;
  readonly property: fc.IRawProperty<unknown, boolean>;
}

/** Parts that read alike when they are joined: digits and colons are what a length is written with. */
const confusable = fc.string({ unit: fc.constantFrom('1', '2', ':', 'a', 'é'), maxLength: 6 });
const secret = fc.constantFrom('s'.repeat(32), 't'.repeat(32), `${'s'.repeat(32)}1`);
const token = fc.oneof(confusable, fc.base64String({ minLength: 1, maxLength: 200 }));
const plaintext = fc.oneof(fc.json(), fc.string({ unit: 'binary' }));

const ROW_FORMAT = 'card-backend token row v1';

interface Row {
  readonly rowKey: string;
  readonly sealed: Uint8Array;
}

interface Parts {
  readonly secret: string;
  readonly name: string;
  readonly endpoint: string;
  readonly token: string;
}
const parts = fc.record<Parts>({ secret, name: confusable, endpoint: confusable, token });
/** The same characters, divided among the parts in another way. */
const divided = fc
  .tuple(parts, fc.nat(18), fc.nat(18))
  .map(([one, ...at]): [Parts, Parts] => [one, divideDifferently(one, Math.min(...at), Math.max(...at))]);
/** Two that differ, and often in one part alone. */
const similar = fc
  .tuple(parts, parts, fc.subarray(['secret', 'name', 'endpoint', 'token'] as const))
  .map(([one, other, same]): [Parts, Parts] => [one, { ...other, ...pickFrom(one, same) }]);
const twoParts = fc.oneof(similar, divided).filter(([one, other]) => !isDeepStrictEqual({ ...one }, { ...other }));

const identity = fc.record(
  { id: fc.uuid(), name: fc.uuid(), phoneNumber: fc.uuid(), pictureUrl: fc.uuid(), actionPackageId: fc.uuid() },
  { noNullPrototype: true },
);
const stored = identity.map(
  (who): StoredIdentity => ({ identity: who, validatedAtMs: START_MS, expiresAtMs: START_MS + 1 }),
);
const longToken = fc.base64String({ minLength: 16, maxLength: 200 });

export const keyProperties: readonly KeyProperty[] = [
  {
    name: 'a key is the same for the same parts, and another for any others',
    property: fc.property(
      twoParts,
      ([one, other]) => keyOf(one).id === keyOf({ ...one }).id && keyOf(one).id !== keyOf(other).id,
    ),
  },
  {
    name: 'a row opens with its own token, secret and service',
    property: fc.property(parts, plaintext, (own, text) => keyOf(own).open(keyOf(own).seal(text)) === text),
  },
  {
    name: 'a row does not open with another token, secret or service',
    property: fc.property(
      twoParts,
      plaintext,
      ([one, other], text) => keyOf(other).open(keyOf(one).seal(text)) === undefined,
    ),
  },
  {
    name: 'a row with a changed byte, cut short or lengthened does not open',
    property: fc.property(
      parts,
      plaintext,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      (own, text, at, mask, more) => {
        const key = keyOf(own);
        const sealed = Buffer.from(key.seal(text));
        const changed = sealed.map((byte, index) => (index === at % sealed.length ? byte ^ mask : byte));
        const damaged = [changed, sealed.subarray(0, at % sealed.length), Buffer.concat([sealed, more])];
        return damaged.every((bytes) => key.open(bytes) === undefined);
      },
    ),
  },
  {
    name: 'what is no sealed row of this format is a miss',
    property: fc.asyncProperty(
      parts,
      fc.oneof(fc.anything(), fc.uint8Array({ maxLength: 100 })),
      stored,
      async (own, junk, row) => {
        const json = JSON.stringify(row);
        const columns = [
          junk,
          json,
          Buffer.from(json),
          sealAsNewer(own, json),
          Buffer.from(keyOf(own).seal(json)).toString('base64'),
        ];
        const found = await Promise.all(
          columns.map((sealed) => readRow(keyOf(own), { sealed, ...row, identity: json })),
        );
        return found.every((identity) => identity === 'miss');
      },
    ),
  },
  {
    name: 'a row shows nothing of its token or identity, and is useless to anyone who has the secret and any other token',
    property: fc.asyncProperty(longToken, longToken, stored, async (own, other, row) => {
      fc.pre(own !== other);
      const service = { secret: 's'.repeat(32), name: 'model', endpoint: 'https://one.example' };
      const written = await writeRow(keyOf({ ...service, token: own }), row);
      const bytes = Object.values(written).map((value) =>
        value instanceof Uint8Array ? Buffer.from(value) : String(value),
      );
      const secrets = [own, ...Object.values(row.identity)];
      const hidden = secrets.every((text) => bytes.every((value) => !value.includes(text ?? '')));
      // Also when it is moved to where the other token's row would be.
      const taken = await readRow(keyOf({ ...service, token: other }), written);
      const opened = await readRow(keyOf({ ...service, token: own }), written);
      const guesses: [string, string, string][] = [
        [other, service.secret, ROW_FORMAT],
        ['', service.secret, ROW_FORMAT],
        [own, '', ROW_FORMAT],
        [own, service.secret, ''],
      ];
      const guessed = guesses.some((guess) => opensWith(written, ...guess));
      return hidden && !guessed && taken === 'miss' && isDeepStrictEqual(opened, row);
    }),
  },
];

function keyOf({ secret, name, endpoint, token }: Parts): TokenKey {
  return createDeriveTokenKey(secret, { name, endpoint })(token);
}

function divideDifferently({ name, endpoint, token, secret }: Parts, first: number, second: number): Parts {
  const all = name + endpoint + token;
  return { secret, name: all.slice(0, first), endpoint: all.slice(first, second), token: all.slice(second) };
}

function pickFrom<T extends object>(value: T, keys: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(keys.map((key) => [key, value[key]])) as Partial<T>;
}

function readRow(key: TokenKey, row: object): ReturnType<TokenStore['read']> {
  return tableWith({ getEntity: async () => row }).read(key);
}

async function writeRow(key: TokenKey, row: StoredIdentity): Promise<Row> {
  let written: Row = { rowKey: '', sealed: new Uint8Array() };
  const upsertEntity = async (entity: Row) => {
    written = entity;
  };
  await tableWith({ upsertEntity }).write(key, row);
  return written;
}

function tableWith(client: object) {
  return createTokenTable(async () => client as TableClient, { clock: createFakeClock(START_MS), log: () => {} });
}

/** Past the product's code: whether AES-GCM opens the row under what HKDF makes of these. */
function opensWith(row: Row, token: string, salt: string, info: string): boolean {
  const sealed = Buffer.from(row.sealed);
  const key = Buffer.from(hkdfSync('sha256', token, salt, info, 32));
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(row.rowKey)).setAuthTag(sealed.subarray(12, 28)).update(sealed.subarray(28));
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

/** All right, but for the format's version. */
function sealAsNewer({ secret, token, ...service }: Parts, text: string): Uint8Array {
  const key = Buffer.from(hkdfSync('sha256', token, secret, 'card-backend token row v2', 32));
  const nonce = Buffer.alloc(12, 1);
  const { id } = keyOf({ secret, token, ...service });
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(id));
  const encrypted = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), encrypted]);
}
