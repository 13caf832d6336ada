/** Limits that no single cell of the matrix can show. */
import { createKaizalaProvider } from '../../shared/auth/providers/kaizala';
import { createResilientProvider } from '../../shared/auth/resilient-provider';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { createValidator } from '../../shared/auth/validator';
import { systemClock } from '../../shared/clock';
import { requireEnvironment } from '../harness/app';
import { findFreePort } from '../harness/free-port';
import { openStand } from './stand';

it('with the circuit open, an answer takes under 5 ms in process, and makes no call', async () => {
  const log = jest.fn();
  const kaizala = createKaizalaProvider(`http://127.0.0.1:${await findFreePort()}`, systemClock); // nothing listens
  const identify = jest.spyOn(kaizala, 'identify');
  const provider = createResilientProvider(kaizala, { attemptTimeoutMs: 1_200, clock: systemClock, log });
  const validator = createValidator({
    deriveKey: createDeriveTokenKey('a secret of enough characters, here 40..', provider),
    provider,
    store: { entryOf: () => ({ read: async () => undefined, write: async () => {} }) },
    clock: systemClock,
    ttlMs: 1_800_000,
  });
  const ask = async (token: string) => {
    const startedAtMs = performance.now();
    const reason = await validator.authenticate(token).catch((error: { reason: string }) => error.reason);
    return { reason, elapsedMs: performance.now() - startedAtMs };
  };
  for (let n = 0; n < 3; n += 1) await ask(`opening-${n}`);
  expect(log.mock.calls).toEqual([['warn', 'identity_circuit_opened']]);
  identify.mockClear();

  const cpuBefore = process.cpuUsage();
  const answers = [];
  for (let n = 0; n < 1_000; n += 1) answers.push(await ask(`unknown-${n}`));
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuMs = (user + system) / 1_000;
  expect(new Set(answers.map(({ reason }) => reason))).toEqual(new Set(['circuit_open']));
  expect(identify).not.toHaveBeenCalled();
  // The median, and the processor's time: the slowest tell how busy the machine is with other things.
  const times = answers.map(({ elapsedMs }) => elapsedMs).sort((a, b) => a - b);
  expect(times[answers.length / 2]).toBeLessThan(5);
  expect(cpuMs / answers.length).toBeLessThan(5);
});

it('when both the table and the identity service hang, the answer is 503 within 3 s', async () => {
  const stand = await openStand(requireEnvironment('TEST_APP_DIRECTORY'));
  try {
    const backend = await stand.openBackend();
    await Promise.all([backend.identityLine.fail(() => {}), backend.tableLine.fail(() => {})]);
    for (let n = 0; n < 4; n += 1) {
      const answer = await backend.ask(backend.mint('asha'));
      expect([answer.status, answer.code]).toEqual([503, 'identity_unavailable']);
      expect(answer.retryAfter).toBeGreaterThanOrEqual(1);
      expect(answer.elapsedMs).toBeLessThan(3_000);
    }
  } finally {
    await stand.close();
  }
}, 60_000);
