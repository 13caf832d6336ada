import type { IdentityProvider, UnavailableCause, Verdict } from '../../shared/auth/provider';
import type { BreakerState } from '../../shared/auth/resilient-provider';
import { createLoggingProvider, createLoggingValidator } from '../../shared/auth/validation-log';
import type { Authentication, AuthenticationSource } from '../../shared/auth/validator';
import { IdentityUnavailableError, InvalidTokenError, StorageUnavailableError } from '../../shared/errors';
import { deferred } from '../harness/deferred';
import { createFakeClock } from '../harness/fake-clock';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: '+1202', pictureUrl: 'https://p', actionPackageId: 'card-1' };

function authenticationFrom(source: AuthenticationSource, card: string | null = 'card-1'): Authentication {
  const life = { validatedAtMs: 0, expiresAtMs: 1, persisted: Promise.resolve() };
  return { ...life, source, identity: { ...identity, actionPackageId: card } };
}

/** A clock that the wrapped operation moves by 7 ms, and the log's lines as they would be written. */
function setUp() {
  const clock = createFakeClock();
  const lines: [string, string][] = [];
  const log = (level: string, event: string, fields?: object) => {
    lines.push([level, JSON.stringify({ event, ...fields })]);
  };
  return { clock, lines, log };
}

describe('the validator that logs', () => {
  function setUpValidator(answer: () => Authentication) {
    const { clock, lines, log } = setUp();
    const authenticate = jest.fn(async (_token: string) => {
      clock.advance(7);
      return answer();
    });
    const breakerState = jest.fn<BreakerState, []>(() => 'closed');
    const validator = createLoggingValidator({ authenticate }, { breakerState, clock, log });
    return { validator, authenticate, breakerState, lines };
  }

  it.each(['identity-service', 'table', 'memory'] as const)('valid, from %s', async (source) => {
    const authentication = authenticationFrom(source);
    const { validator, authenticate, lines } = setUpValidator(() => authentication);
    expect(await validator.authenticate('SENTINEL')).toBe(authentication);
    expect(authenticate.mock.calls).toEqual([['SENTINEL']]);
    const fields = `"outcome":"valid","source":"${source}","card":"card-1","durationMs":7,"breaker":"closed"`;
    expect(lines).toEqual([['info', `{"event":"token_validation",${fields}}`]]);
  });

  it('valid, of no card', async () => {
    const { validator, lines } = setUpValidator(() => authenticationFrom('memory', null));
    await validator.authenticate('t');
    expect(lines[0]?.[1]).toContain('"source":"memory","durationMs":');
  });

  it('of a card with a very long id only its beginning, so that the line stays whole', async () => {
    const { validator, lines } = setUpValidator(() => authenticationFrom('memory', 'c'.repeat(60_000)));
    await validator.authenticate('t');
    expect(JSON.parse(lines[0]?.[1] ?? '').card).toBe('c'.repeat(200));
  });

  it.each<[string, Error, string]>([
    ['rejected', new InvalidTokenError('rejected', 'SENTINEL'), '"outcome":"rejected","reason":"rejected"'],
    ['expired', new InvalidTokenError('expired', 'SENTINEL'), '"outcome":"rejected","reason":"expired"'],
    ['unavailable', new IdentityUnavailableError(5, 'throttled'), '"outcome":"unavailable","reason":"throttled"'],
    ['another error of the app', new StorageUnavailableError({ cause: new Error('SENTINEL') }), '"outcome":"failed"'],
    ['an error that is none of the app', new RangeError('SENTINEL'), '"outcome":"failed"'],
  ])('%s: the line, and the same error', async (_, error, result) => {
    const { validator, lines } = setUpValidator(() => {
      throw error;
    });
    await expect(validator.authenticate('SENTINEL')).rejects.toBe(error);
    const line = `{"event":"token_validation",${result},"durationMs":7,"breaker":"closed"}`;
    expect(lines).toEqual([['info', line]]);
  });

  it.each<BreakerState>(['closed', 'open', 'half-open'])('tells that the circuit is %s at the end', async (state) => {
    const { validator, breakerState, lines } = setUpValidator(() => {
      breakerState.mockReturnValue(state);
      return authenticationFrom('memory');
    });
    await validator.authenticate('t');
    expect(lines[0]?.[1]).toContain(`"breaker":"${state}"}`);
  });

  it('each of two callers at a time has a line, and a duration, of its own', async () => {
    const { clock, lines, log } = setUp();
    const flight = deferred<Authentication>();
    const shared = { authenticate: () => flight.promise };
    const validator = createLoggingValidator(shared, { breakerState: () => 'closed', clock, log });
    const first = validator.authenticate('t');
    clock.advance(10);
    const second = validator.authenticate('t');
    clock.advance(5);
    expect(lines).toEqual([]);
    flight.resolve(authenticationFrom('identity-service'));
    expect(await first).toBe(await second);
    expect(lines.map(([, line]) => JSON.parse(line).durationMs)).toEqual([15, 5]);
  });
});

describe('the provider that logs', () => {
  function setUpProvider(verdict: Verdict) {
    const { clock, lines, log } = setUp();
    const identify = jest.fn(async (_token: string, _signal: AbortSignal) => {
      clock.advance(7);
      return verdict;
    });
    const wrapped: IdentityProvider = { name: 'test', endpoint: 'https://identity.example/me', identify };
    return { provider: createLoggingProvider(wrapped, { clock, log }), identify, lines };
  }

  it.each<[string, Verdict, string]>([
    ['valid', { kind: 'valid', identity, expiresAtMs: 1 }, '"outcome":"valid"'],
    ['rejected', { kind: 'rejected', definite: true }, '"outcome":"rejected"'],
    ['rejected, not for good', { kind: 'rejected', definite: false }, '"outcome":"rejected"'],
    ...(['timeout', 'unreachable', 'server_error', 'throttled', 'unexpected_answer'] as const).map(
      (cause: UnavailableCause): [string, Verdict, string] => [
        cause,
        { kind: 'unavailable', cause, retryAfterSeconds: 42 },
        `"outcome":"unavailable","reason":"${cause}"`,
      ],
    ),
  ])('%s: the line, and the same verdict', async (_, verdict, result) => {
    const { provider, identify, lines } = setUpProvider(verdict);
    const { signal } = new AbortController();
    expect(await provider.identify('SENTINEL', signal)).toBe(verdict);
    expect(identify.mock.calls).toEqual([['SENTINEL', signal]]);
    expect(identify.mock.calls[0]?.[1]).toBe(signal);
    expect(lines).toEqual([['info', `{"event":"identity_call",${result},"durationMs":7}`]]);
  });

  it('keeps the name and the endpoint, which the keys of the cache are made of', () => {
    const { provider } = setUpProvider({ kind: 'rejected', definite: true });
    expect(provider).toMatchObject({ name: 'test', endpoint: 'https://identity.example/me' });
  });
});
