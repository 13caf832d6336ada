import { createDeriveTokenKey } from '../../shared/auth/token-key';

const secret = 's'.repeat(32);
const provider = { name: 'kaizala', endpoint: 'https://identity.example/v1/users/me' };
const derive = (token: string, from = secret, by = provider) => createDeriveTokenKey(from, by)(token);

describe('the key', () => {
  it('is a whole SHA-256 in hex and the same each time', () => {
    expect(derive('token').id).toMatch(/^[0-9a-f]{64}$/);
    expect(derive('token').id).toBe(derive('token').id);
  });

  it.each([
    ['token', 'token2', secret, provider],
    ['letter case of the token', 'Token', secret, provider],
    ['secret', 'token', 't'.repeat(32), provider],
    ['endpoint', 'token', secret, { ...provider, endpoint: 'https://other.example' }],
    ['provider', 'token', secret, { ...provider, name: 'other' }],
  ])('is another for another %s', (_, token, from, by) => {
    expect(derive(token, from, by).id).not.toBe(derive('token').id);
  });

  it('keeps the parts apart', () => {
    const left = derive('t', secret, { name: 'a', endpoint: 'bc' });
    const right = derive('t', secret, { name: 'ab', endpoint: 'c' });
    expect(left.id).not.toBe(right.id);
  });

  it('tells tokens with one long beginning apart', () => {
    const beginning = 'a'.repeat(4_000);
    expect(derive(`${beginning}b`).id).not.toBe(derive(`${beginning}c`).id);
  });
});

it('keeps its format: a row of an earlier build is found and opens', () => {
  const key = derive('token');
  expect(key.id).toBe('3c87221cccec73a0726705a39ff2378f475d7e498698f390c6a0affdf51814e2');
  // Nonce, tag, ciphertext; computed apart from this code, with the key of HKDF-SHA256(token, salt: the secret).
  const sealed = '000102030405060708090a0bc7c351cbb7c1d968cc9d10608084568aed321c412cdfa6c3045fe29f';
  expect(key.open(Buffer.from(sealed, 'hex'))).toBe('{"id":"u-1"}');
});

describe('the seal', () => {
  it.each(['{"id":"ü"}', ''])('opens with the token that sealed it: "%s"', (plaintext) => {
    expect(derive('token').open(derive('token').seal(plaintext))).toBe(plaintext);
  });

  it('looks different each time and shows nothing of what is in it', () => {
    const [one, two] = [derive('token').seal('Asha'), derive('token').seal('Asha')];
    expect(Buffer.from(one).equals(Buffer.from(two))).toBe(false);
    expect(Buffer.from(one).includes('Asha')).toBe(false);
  });

  it.each([
    ['another token', 'other', secret, provider],
    ['another secret', 'token', 't'.repeat(32), provider],
    ['another endpoint', 'token', secret, { ...provider, endpoint: 'https://other.example' }],
  ])('does not open with %s', (_, token, from, by) => {
    expect(derive(token, from, by).open(derive('token').seal('Asha'))).toBeUndefined();
  });

  it('does not open when any byte has changed, or when it is cut short', () => {
    const key = derive('token');
    const sealed = key.seal('Asha');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(key.open(changed)).toBeUndefined();
      expect(key.open(sealed.slice(0, at))).toBeUndefined();
    }
  });
});
