import { createCircuitBreaker } from '../../shared/auth/circuit-breaker';
import type { UnavailableCause, Verdict } from '../../shared/auth/provider';
import { createFakeClock } from '../harness/fake-clock';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };
const valid: Verdict = { kind: 'valid', identity };
const unavailable = (cause: UnavailableCause, retryAfterSeconds?: number): Verdict => ({
  kind: 'unavailable',
  cause,
  retryAfterSeconds,
});
const down = unavailable('server_error');
const fiveTokens = ['a', 'b', 'c', 'd', 'e'];

function setUp() {
  const clock = createFakeClock();
  const log = jest.fn();
  const breaker = createCircuitBreaker({ clock, log, tokens: 'recognized' });
  /** Whether a call went out for each of the keys, one after another, with the same verdict for all. */
  const ask = (verdict: Verdict, ...keys: string[]) =>
    keys.map((key) => {
      const isAdmitted = breaker.admits(key);
      if (isAdmitted) breaker.record(key, verdict);
      return isAdmitted;
    });
  /** Opens the circuit for 5 s. */
  const open = () => ask(down, ...fiveTokens);
  const events = () => log.mock.calls.map(([, event]) => event);
  return { clock, log, breaker, ask, open, events };
}

describe('opens', () => {
  it.each(['timeout', 'unreachable', 'server_error'] as const)('for 5 s when 5 tokens met %s', (cause) => {
    const { clock, log, breaker, ask } = setUp();
    ask(unavailable(cause), 'a', 'b', 'c', 'd');
    expect(breaker.state()).toBe('closed');
    expect(breaker.retryAfterSeconds()).toBeUndefined();
    ask(unavailable(cause), 'e');
    expect(breaker.state()).toBe('open');
    expect(log.mock.calls).toEqual([
      ['warn', 'identity_circuit_opened', { reason: 'failures', durationMs: 5_000, tokens: 'recognized' }],
    ]);
    clock.advance(4_999);
    expect(ask(valid, 'f')).toEqual([false]);
    clock.advance(1);
    expect(ask(valid, 'f')).toEqual([true]);
  });

  it('for no one when one token fails, however often', () => {
    const { breaker, ask } = setUp();
    for (let n = 0; n < 100; n += 1) expect(ask(down, 'a', 'b', 'c', 'd')).toEqual([true, true, true, true]);
    expect(breaker.state()).toBe('closed');
  });

  it('not while another token has succeeded less than a second ago: 6 forged tokens among good traffic', () => {
    const { clock, breaker, ask } = setUp();
    for (let round = 0; round < 100; round += 1) {
      ask(valid, `good-${round}`);
      clock.advance(999);
      expect(ask(down, ...fiveTokens, 'f')).toEqual(Array(6).fill(true));
    }
    expect(breaker.state()).toBe('closed');
  });

  it('by a failure a second after the last success, counting those that failed before', () => {
    const { clock, breaker, ask } = setUp();
    ask(valid, 'good');
    clock.advance(999);
    ask(down, ...fiveTokens);
    expect(breaker.state()).toBe('closed');
    clock.advance(1);
    ask(down, 'a');
    expect(breaker.state()).toBe('open');
  });

  it.each<[string, Verdict]>([
    ['a valid token', valid],
    ['a rejected token', { kind: 'rejected', cacheable: true }],
    ['a rejected request', { kind: 'rejected', cacheable: false }],
  ])('counting from the last success only: %s', (_, success) => {
    const { clock, breaker, ask } = setUp();
    ask(down, 'a', 'b', 'c', 'd');
    ask(success, 'good');
    clock.advance(1_000);
    ask(down, 'e', 'f', 'g', 'h');
    expect(breaker.state()).toBe('closed');
    ask(down, 'i');
    expect(breaker.state()).toBe('open');
  });

  it.each(['unexpected_answer', 'busy'] as const)('not for %s, which is neither a failure nor a success', (cause) => {
    const { breaker, ask } = setUp();
    ask(down, 'a', 'b', 'c', 'd');
    ask(unavailable(cause), ...Array.from({ length: 50 }, (_, n) => `other-${n}`));
    expect(breaker.state()).toBe('closed');
    ask(down, 'e');
    expect(breaker.state()).toBe('open');
  });

  it('for as long as it was told, also when somebody sets the wall clock', () => {
    const { clock, breaker, open } = setUp();
    open();
    clock.moveWall(-3_600_000);
    clock.advance(4_999);
    clock.moveWall(7_200_000);
    expect(breaker.state()).toBe('open');
    clock.advance(1);
    expect(breaker.state()).toBe('half-open');
  });
});

describe('when the service throttles', () => {
  const throttled = (retryAfterSeconds?: number) => unavailable('throttled', retryAfterSeconds);

  it('stays closed for one token, however often, and for four', () => {
    const { breaker, ask } = setUp();
    for (let n = 0; n < 100; n += 1) ask(throttled(3_600), 'a', 'b', 'c', 'd');
    expect(breaker.state()).toBe('closed');
  });

  it('opens when 5 tokens in a row are throttled, for the least that they were told', () => {
    const { clock, log, breaker, ask } = setUp();
    for (const [n, key] of fiveTokens.entries()) ask(throttled([30, 9, 3_600, 7, 8][n]), key);
    expect(log.mock.calls).toEqual([
      ['warn', 'identity_circuit_opened', { reason: 'throttled', durationMs: 7_000, tokens: 'recognized' }],
    ]);
    clock.advance(6_999);
    expect(breaker.state()).toBe('open');
    clock.advance(1);
    expect(breaker.state()).toBe('half-open');
  });

  it.each([
    ['a minute at most', 3_600, 60],
    ['5 s when nothing is told', undefined, 5],
  ])('opens for %s', (_, told, seconds) => {
    const { breaker, ask } = setUp();
    ask(throttled(told), ...fiveTokens);
    expect(breaker.retryAfterSeconds()).toBe(seconds);
  });

  it.each<[string, Verdict]>([
    ['a success', valid],
    ['a failure', down],
    ['an answer that is not understood', unavailable('unexpected_answer')],
  ])('starts to count again after %s', (_, between) => {
    const { breaker, ask } = setUp();
    ask(throttled(9), 'a', 'b', 'c', 'd');
    ask(between, 'other');
    ask(throttled(9), 'e', 'f', 'g', 'h');
    expect(breaker.state()).toBe('closed');
    ask(throttled(9), 'i');
    expect(breaker.state()).toBe('open');
  });

  it('counts on after a call of ours that was cut short', () => {
    const { breaker, ask } = setUp();
    ask(throttled(9), 'a', 'b', 'c', 'd');
    ask(unavailable('busy'), 'other');
    ask(throttled(9), 'e');
    expect(breaker.state()).toBe('open');
  });

  it('opens again when the probe is throttled, but not for longer than others were told', () => {
    const { clock, breaker, ask, events } = setUp();
    ask(throttled(2), ...fiveTokens);
    clock.advance(2_000);
    expect(ask(throttled(3_600), 'f')).toEqual([true]);
    expect(breaker.retryAfterSeconds()).toBe(2);
    clock.advance(2_000);
    ask(throttled(1), 'g');
    expect(breaker.retryAfterSeconds()).toBe(1);
    clock.advance(1_000);
    ask(throttled(3_600), 'h');
    expect(breaker.retryAfterSeconds()).toBe(2); // as the five were told that opened it
    expect(events()).toEqual(['identity_circuit_opened']);
  });

  it('opens again by 5 throttled probes in a row when it was opened by failures', () => {
    const { clock, breaker, ask, open } = setUp();
    open();
    clock.advance(5_000);
    expect(ask(throttled(30), 'f', 'g', 'h', 'i', 'j', 'k')).toEqual([true, true, true, true, true, false]);
    expect(breaker.retryAfterSeconds()).toBe(30);
  });

  it('opens again for 5 s when the probe fails', () => {
    const { clock, breaker, ask } = setUp();
    ask(throttled(60), ...fiveTokens);
    clock.advance(60_000);
    ask(down, 'f');
    expect(breaker.retryAfterSeconds()).toBe(5);
  });
});

describe('while half-open', () => {
  function setUpHalfOpen() {
    const setup = setUp();
    setup.open();
    setup.clock.advance(5_000);
    expect(setup.breaker.state()).toBe('half-open');
    return setup;
  }

  it('admits one probe, and no other call until that has ended', () => {
    const { breaker } = setUpHalfOpen();
    expect(['f', 'g', 'f'].map((key) => breaker.admits(key))).toEqual([true, false, false]);
    breaker.record('f', valid);
    expect(breaker.state()).toBe('closed');
    expect(['g', 'h'].map((key) => breaker.admits(key))).toEqual([true, true]);
  });

  it('closes when the probe succeeds, logs it, and starts to count again', () => {
    const { clock, breaker, ask, events, log } = setUpHalfOpen();
    ask(valid, 'a');
    clock.advance(1_000);
    ask(down, 'a', 'b', 'c', 'd');
    expect(breaker.state()).toBe('closed');
    ask(down, 'e');
    expect(events()).toEqual(['identity_circuit_opened', 'identity_circuit_closed', 'identity_circuit_opened']);
    expect(log.mock.calls[1]).toEqual(['info', 'identity_circuit_closed', { tokens: 'recognized' }]);
  });

  it('opens for 5 s when the probe fails, without another line in the log', () => {
    const { clock, breaker, ask, events } = setUpHalfOpen();
    expect(ask(down, 'f', 'g')).toEqual([true, false]);
    expect(breaker.state()).toBe('open');
    clock.advance(4_999);
    expect(ask(valid, 'g')).toEqual([false]);
    clock.advance(1);
    expect(ask(valid, 'g')).toEqual([true]);
    expect(events()).toEqual(['identity_circuit_opened', 'identity_circuit_closed']);
  });

  it('remembers at most 1,000 tokens that have failed', () => {
    const { ask } = setUpHalfOpen();
    const unclear: Verdict = { kind: 'unavailable', cause: 'unexpected_answer' };
    const keys = Array.from({ length: 1_001 }, (_, n) => `key-${n}`);
    expect(ask(unclear, ...keys)).toEqual(keys.map(() => true));
    expect(ask(unclear, 'key-0')).toEqual([true]);
  });

  it('makes no probe with a token that has failed since it opened, so that it blocks no one else', () => {
    const { clock, breaker, ask } = setUpHalfOpen();
    ask(down, 'bad');
    clock.advance(5_000);
    expect(ask(down, 'bad', 'bad')).toEqual([false, false]);
    expect(breaker.state()).toBe('half-open');
    expect(ask(valid, 'good')).toEqual([true]);
    expect(breaker.state()).toBe('closed');
  });

  it('makes the next probe with such a token after 5 s without another, so that it ends where no other is left', () => {
    const { clock, breaker, ask } = setUpHalfOpen();
    ask(down, 'only');
    clock.advance(9_999);
    expect(ask(valid, 'only')).toEqual([false]);
    clock.advance(1);
    expect(ask(valid, 'only')).toEqual([true]);
    expect(breaker.state()).toBe('closed');
  });

  it('makes no probe with a token whose call was under way when it opened, and failed', () => {
    const { clock, breaker, ask, open } = setUp();
    breaker.admits('slow');
    open();
    breaker.record('slow', down);
    clock.advance(5_000);
    expect(ask(valid, 'slow')).toEqual([false]);
    expect(ask(valid, 'other')).toEqual([true]);
  });

  it.each(['unexpected_answer', 'busy'] as const)('neither closes nor opens when the probe meets %s', (cause) => {
    const { breaker, ask } = setUpHalfOpen();
    expect(ask(unavailable(cause), 'f', 'f')).toEqual([true, false]);
    expect(breaker.state()).toBe('half-open');
    expect(ask(valid, 'g')).toEqual([true]);
    expect(breaker.state()).toBe('closed');
  });
});

describe('calls that were under way when it opened', () => {
  it('close it when they succeed', () => {
    const { breaker, open } = setUp();
    breaker.admits('slow');
    open();
    breaker.record('slow', valid);
    expect(breaker.state()).toBe('closed');
  });

  it('do not keep it open for longer when they fail, and do not end the probe of another', () => {
    const { clock, breaker, open } = setUp();
    for (const key of ['slow', 'slower']) breaker.admits(key);
    open();
    clock.advance(4_000);
    breaker.record('slow', down);
    expect(breaker.retryAfterSeconds()).toBe(1);
    clock.advance(1_000);
    expect(breaker.admits('probe')).toBe(true);
    breaker.record('slower', down);
    expect([breaker.state(), breaker.admits('other')]).toEqual(['half-open', false]);
  });
});

it('says in how many seconds the next call may go out: what is left while open, 1 while half-open', () => {
  const { clock, breaker, open } = setUp();
  open();
  const told = [0, 1, 999, 3_000, 999, 1, 60_000].map((ms) => {
    clock.advance(ms);
    return breaker.retryAfterSeconds();
  });
  expect(told).toEqual([5, 5, 4, 1, 1, 1, 1]);
});
