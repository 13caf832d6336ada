/** Limits on time that no single cell of the matrix can show. */
import { createIdentityGuard } from '../../shared/auth/identity-guard';
import type { IdentityProvider } from '../../shared/auth/provider';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { createValidator } from '../../shared/auth/validator';
import { systemClock as clock } from '../../shared/clock';
import type { Stand } from './stand';

const BUDGET_MS = 3_000;
const OPEN_CIRCUIT_MS = 5;
const FAILURES_TO_OPEN = 5;
const ASKED = 1_000;

/** What does not hold. */
export async function checkLimits(stand: Stand): Promise<string[]> {
  return [...(await checkOpenCircuit()), ...(await checkBothHang(stand))];
}

/** With the circuit open, an answer takes under 5 ms in process. */
async function checkOpenCircuit(): Promise<string[]> {
  const log = () => {};
  const provider: IdentityProvider = {
    name: 'failing',
    endpoint: 'https://identity.example',
    identify: async () => ({ kind: 'unavailable', cause: 'unreachable' }),
  };
  const { validate } = createValidator({
    deriveKey: createDeriveTokenKey('a secret of enough characters, here 40..', provider),
    guard: createIdentityGuard(provider, { attemptTimeoutMs: 1_200, clock, log }),
    store: { read: async () => 'miss', write: async () => {} },
    clock,
    log,
    ttlMs: 1_800_000,
  });
  for (let n = 0; n < FAILURES_TO_OPEN; n += 1) await validate(`opening-${n}`);

  const cpuBefore = process.cpuUsage();
  const times: number[] = [];
  const causes = new Set<string>();
  for (let n = 0; n < ASKED; n += 1) {
    const startedAtMs = performance.now();
    const validation = await validate(`unknown-${n}`);
    times.push(performance.now() - startedAtMs);
    causes.add(validation.kind === 'unavailable' ? validation.cause : validation.kind);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  // The median, and the processor's time: the slowest tell how busy the machine is with other things.
  const medianMs = times.sort((a, b) => a - b)[ASKED / 2] ?? 0;
  const cpuMs = (user + system) / 1_000 / ASKED;
  return [
    ...([...causes].join() === 'circuit_open' ? [] : [`with the circuit open: ${[...causes].join()}`]),
    ...(medianMs < OPEN_CIRCUIT_MS ? [] : [`with the circuit open: the median answer took ${medianMs.toFixed()} ms`]),
    ...(cpuMs < OPEN_CIRCUIT_MS
      ? []
      : [`with the circuit open: an answer took ${cpuMs.toFixed()} ms of the processor`]),
  ];
}

/** When both the table and the identity service hang, the answer is 503 within 3 s. */
async function checkBothHang(stand: Stand): Promise<string[]> {
  const backend = await stand.openBackend();
  await Promise.all([backend.identityLine.fail(() => {}), backend.tableLine.fail(() => {})]);
  const complaints: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    const { status, code, retryAfter = 0, elapsedMs } = await backend.ask(backend.mint('asha'));
    if (status !== 503 || code !== 'identity_unavailable' || retryAfter < 1) {
      complaints.push(`both hang: ${status} ${code}, Retry-After ${retryAfter}`);
    }
    if (elapsedMs > BUDGET_MS) complaints.push(`both hang: the answer took ${elapsedMs.toFixed()} ms`);
  }
  await backend.close();
  return complaints;
}
