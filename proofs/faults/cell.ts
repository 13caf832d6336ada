/** One cell of the matrix: a fault begins and ends, while requests come with a token that the app knows, or does not. */
import { setTimeout as delay } from 'node:timers/promises';
import { people } from '../../local/identity-service/people';
import type { StoredIdentity } from '../../shared/auth/validator';
import { type IdentityFault, impostor } from './identity-faults';
import type { Failure } from './line';
import { createOracle, type Oracle, SUCCESS_COUNTS_FOR_MS } from './prediction';
import { type Answer, type Backend, CARD, hasRow, rowKeys } from './stand';
import type { RowContext, TableFault } from './table-faults';
import { type Complain, createVisits, type Visitor, type Visits } from './visits';

export const tokenStates = ['unknown', 'memory', 'table'] as const;

export interface Cell {
  readonly upstream: 'identity service' | 'Table Storage' | 'both';
  /** Of the fault. */
  readonly name: string;
  readonly identityFault?: IdentityFault;
  readonly tableFault?: TableFault;
  /** Where the token's verdict is when the fault begins; `table`: another instance's row. */
  readonly state: (typeof tokenStates)[number];
}

export interface CellResult {
  /** What did not hold. */
  readonly complaints: readonly string[];
  /** Whether that can be because the machine was busy with other things. */
  readonly isExcusable: boolean;
  /** The first answer under the fault. */
  readonly first?: Answer;
  /** From the end of the fault until the token, and a new one, were served as if nothing had been. */
  readonly recoveryMs?: number;
}

interface TokenRow {
  readonly rowKey: string;
  /** Unless it is foreign. */
  readonly sealed: Uint8Array | string;
}

/** Enough to open each circuit. */
const STRANGERS = 6;
const PROBING_TOGETHER = 5;
const RECOVERY_LIMIT_MS = 15_000;
const REJECTED_FOR_MS = 10_000;
const CIRCUIT_OPEN_MS = 5_000;
const ROW_LIFE_MS = 30 * 60_000;
/** By which a timer of this process may be early by the app's clock. */
const TIMER_MS = 20;

/** Leaves the backend as it was, if all holds. */
export async function runCell(backend: Backend, cell: Cell): Promise<CellResult> {
  const complaints: string[] = [];
  let isExcusable = true;
  const complain: Complain = (what, isGrave = false) => {
    complaints.push(what);
    if (isGrave) isExcusable = false;
  };
  const oracle = createOracle();
  const visits = createVisits(backend, oracle, complain);

  await backend.tokens.deleteTable();
  await backend.tokens.createTable();
  const known = visits.newVisitor('chen');
  await visits.ask('at first', known);
  const subject = visits.newVisitor('asha', true);
  await makeKnown(subject, cell.state, backend, visits);
  oracle.identity(cell.identityFault);
  oracle.table(cell.tableFault);
  if (cell.identityFault) {
    await delay(SUCCESS_COUNTS_FOR_MS + TIMER_MS);
    await backend.identityLine.fail(failureFor(cell.identityFault, subject));
  }
  if (cell.tableFault) await failTable(cell.tableFault, backend, visits, subject);

  const first = await visits.ask('under the fault', subject);
  const strangers = Array.from({ length: STRANGERS }, () => visits.newVisitor('chen'));
  for (const [n, stranger] of strangers.entries()) await visits.ask(`stranger ${n + 1}`, stranger);
  await visits.ask('known since before', known);
  await visits.ask('under the fault, again', subject);
  if (oracle.circuitIsOpen) await probe(oracle, visits);

  const endedAtMs = performance.now();
  oracle.identity(undefined);
  oracle.table(undefined);
  await Promise.all([backend.identityLine.mend(), backend.tableLine.mend()]);
  // The app replaces a bad row when it reads it. One that it never read, because its memory answered, goes.
  const isUnmet = cell.tableFault?.kind === 'row' && !subject.persisted;
  if (isUnmet) await removeRow(backend, subject);
  await recover(oracle, visits, subject);
  const recoveryMs = performance.now() - endedAtMs;
  if (backend.judgesTime && recoveryMs > RECOVERY_LIMIT_MS) complain(`recovery took ${recoveryMs.toFixed()} ms`);

  const rows = await checkRows(backend, visits, complain);
  // From where each is answered now tells what is in memory, and what is not.
  for (const [n, visitor] of [...visits.visitors].entries()) await visits.ask(`token ${n + 1} again`, visitor);
  checkSecrecy(backend, visits, rows, complain);
  return { complaints, isExcusable, first, recoveryMs };
}

async function makeKnown(subject: Visitor, state: Cell['state'], backend: Backend, visits: Visits): Promise<void> {
  if (state === 'memory') await visits.ask('before', subject);
  if (state !== 'table') return;
  await backend.askOther(subject.token);
  if (!(await hasRow(backend, subject.token))) throw new Error('The other instance has left no row.');
  Object.assign(subject, { state, persisted: true });
}

function failureFor({ failure, onlySubject }: IdentityFault, { token }: Visitor): Failure {
  if (!onlySubject || failure === 'refuse') return failure;
  return (exchange) => (exchange.request.headers['accesstoken'] === token ? failure(exchange) : exchange.relay());
}

async function failTable(fault: TableFault, backend: Backend, visits: Visits, subject: Visitor): Promise<void> {
  switch (fault.kind) {
    case 'line':
    case 'slow':
      return backend.tableLine.fail(fault.failure);
    case 'deleted':
      await backend.tokens.deleteTable();
      for (const visitor of visits.visitors) visitor.persisted = false;
      if (subject.state === 'table') subject.state = 'unknown';
      return;
    case 'row': {
      const columns = fault.columns(rowContext(backend, subject));
      await backend.tokens.upsertEntity({ ...rowKeys(backend, subject.token), ...columns }, 'Replace');
      subject.persisted = false;
      if (subject.state !== 'memory') subject.state = 'bad row';
    }
  }
}

async function removeRow(backend: Backend, { token }: Visitor): Promise<void> {
  const { partitionKey, rowKey } = rowKeys(backend, token);
  await backend.tokens.deleteEntity(partitionKey, rowKey);
}

function rowContext(backend: Backend, { token }: Visitor): RowContext {
  const { secret, provider, deriveKey } = backend;
  const stored = (ageMs: number) => {
    const validatedAtMs = Date.now() - ageMs;
    const identity = { ...impostor, actionPackageId: CARD };
    const entry: StoredIdentity = { identity, validatedAtMs, expiresAtMs: validatedAtMs + ROW_LIFE_MS };
    return JSON.stringify(entry);
  };
  return { token, secret, provider, key: deriveKey(token), otherKey: deriveKey(backend.mint('chen')), stored };
}

/** Those who ask while the circuit is open wait as long as they are told; then one of them is its probe, no more. */
async function probe(oracle: Oracle, visits: Visits): Promise<void> {
  const told = await visits.ask('with the circuit open', visits.newVisitor('chen'));
  await delay((told.retryAfter ?? 0) * 1_000);
  oracle.halfOpen();
  const [first, ...others] = Array.from({ length: PROBING_TOGETHER }, () => visits.newVisitor('chen'));
  if (first) await visits.ask('half-open', first, ...others);
}

/** Waits as a client would, and as long as the contract says at most; then the next requests must succeed. */
async function recover(oracle: Oracle, visits: Visits, subject: Visitor): Promise<void> {
  const rejected = visits.visitors.filter(({ state }) => state === 'rejected');
  if (rejected.length > 0) {
    await visits.ask('still rejected', subject);
    await delay(REJECTED_FOR_MS);
    for (const visitor of rejected) visitor.state = visitor.persisted ? 'table' : 'unknown';
    oracle.halfOpen();
  }
  const fresh = visits.newVisitor('asha');
  if (oracle.circuitIsOpen) {
    const told = await visits.ask('too early', fresh);
    await delay((told.retryAfter ?? 0) * 1_000);
    oracle.halfOpen();
  }
  const throttledMs = Math.max(
    ...visits.visitors.map(({ throttledUntilMs = 0 }) => throttledUntilMs - performance.now()),
  );
  if (throttledMs > 0) {
    await visits.ask('still throttled', subject);
    await delay(throttledMs + TIMER_MS);
  }
  if (oracle.tableIsSkipped) {
    await visits.ask('too early for the table', visits.newVisitor('asha'));
    await delay(CIRCUIT_OPEN_MS);
    oracle.halfOpen();
  }
  await visits.ask('after the fault', subject);
  await visits.ask('new after the fault', fresh);
}

/** Exactly the rows of what was validated, and each of them good. */
async function checkRows(backend: Backend, { visitors }: Visits, complain: Complain): Promise<string> {
  const expected = visitors.filter(({ persisted }) => persisted).length;
  const rows = new Map<string, TokenRow>();
  for await (const row of backend.tokens.listEntities<TokenRow>()) rows.set(row.rowKey, row);
  for (const { token, user, persisted } of visitors) {
    const key = backend.deriveKey(token);
    const row = rows.get(key.id);
    if (persisted !== (row !== undefined)) complain(`there is ${row ? 'a' : 'no'} row of ${user}`);
    const opened = row?.sealed instanceof Uint8Array ? key.open(row.sealed) : undefined;
    const id = opened && (JSON.parse(opened) as StoredIdentity).identity.id;
    if (row && id !== people[user]?.id) complain(`the row of ${user} is not good`, true);
  }
  if (rows.size !== expected) complain(`${rows.size} rows, not ${expected}`);
  return [...rows.values()].map((row) => JSON.stringify(row) + Buffer.from(row.sealed).toString('latin1')).join('\n');
}

/** No line, no refusal and no row holds what belongs to a person or opens a door. */
function checkSecrecy(backend: Backend, { visitors, refusals }: Visits, rows: string, complain: Complain): void {
  const tokens = visitors.flatMap(({ token }) => token.split('.').slice(1));
  const persons = [...Object.values(people), impostor].flatMap(({ id, name, phoneNumber }) => [id, name, phoneNumber]);
  const answers = refusals.map(({ text }) => text).join('\n');
  for (const canary of [backend.secret, ...tokens, ...persons]) {
    if (backend.lines.some((line) => line.includes(canary))) complain('a log line tells a secret', true);
    if (answers.includes(canary)) complain('an error tells a secret', true);
    // A name of three letters comes up in random bytes now and then.
    if (canary.length > 8 && rows.includes(canary)) complain('a row tells a secret', true);
  }
}
