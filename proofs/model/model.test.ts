/**
 * A part of `npm run proofs -- model`, some seconds of it: 100 sequences of calls, faults and time, and 6 times 500 keys.
 * A failure shows the seed and path, and the sequence, made as short as it still fails.
 */
import fc from 'fast-check';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { keyProperties } from './key-properties';
import { SECRET, SERVICES, TOKENS } from './plan';
import { sequenceProperties } from './properties';

const SEQUENCES = 100;
const KEYS = 500;
const LIMIT_MS = 120_000;

describe('any sequence', () => {
  it.each(sequenceProperties)(
    '$name',
    ({ share, property }) => fc.assert(property, { numRuns: SEQUENCES * share, includeErrorInReport: true }),
    LIMIT_MS,
  );
});

describe('any key', () => {
  it.each(keyProperties)('$name', ({ property }) => fc.assert(property, { numRuns: KEYS }), LIMIT_MS);
});

it('has two tokens that shortening a token or a key mixes up', () => {
  const deriveKey = createDeriveTokenKey(SECRET, { name: 'model', endpoint: SERVICES[0] });
  const [one = '', other] = TOKENS.map((token) => deriveKey(token).id);
  expect(other?.slice(0, 8)).toBe(one.slice(0, 8));
  expect(one).not.toBe(other);
});
