import { log, runWithInvocation } from '../../shared/log';
import { deferred } from '../harness/deferred';

const levels = ['info', 'warn', 'error'] as const;

it.each(levels)('writes one JSON object to the console, as %s, outside of an invocation', (level) => {
  const written = jest.spyOn(console, level).mockImplementation(() => {});
  log(level, 'something_happened', { reason: 'timeout' });
  expect(written.mock.calls).toEqual([[`{"level":"${level}","event":"something_happened","reason":"timeout"}`]]);
  written.mockRestore();
});

it.each(levels)('writes through the context of the invocation, as %s, also after an await', async (level) => {
  const [first, second] = [fakeContext(), fakeContext()];
  await Promise.all([
    runWithInvocation(first, () => Promise.resolve().then(() => log(level, 'one'))),
    runWithInvocation(second, () => Promise.resolve().then(() => log(level, 'two'))),
  ]);
  expect(first[level].mock.calls).toEqual([['{"event":"one"}']]);
  expect(second[level].mock.calls).toEqual([['{"event":"two"}']]);
});

it('gives the result of the invocation, or its failure', async () => {
  expect(await runWithInvocation(fakeContext(), async () => 'result')).toBe('result');
  await expect(runWithInvocation(fakeContext(), () => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
});

it.each([
  ['succeeded', async () => {}],
  ['failed', () => Promise.reject(new Error('bug'))],
])('writes to the console what comes after an invocation that %s, since the host drops its lines', async (_, end) => {
  const context = fakeContext();
  const late = deferred();
  const written = jest.spyOn(console, 'warn').mockImplementation(() => {});
  let background: Promise<void> | undefined;
  const invocation = runWithInvocation(context, () => {
    background = late.promise.then(() => log('warn', 'late'));
    return end();
  });
  await invocation.catch(() => {});
  late.resolve();
  await background;
  expect(context.warn).not.toHaveBeenCalled();
  expect(written.mock.calls).toEqual([['{"level":"warn","event":"late"}']]);
  written.mockRestore();
});

/** What the real host does with a line on stderr (reference: "Console lines"); a line on stdout is Information. */
function levelThatTheHostGuesses(stderrLine: string): 'warn' | 'error' | 'info' {
  if (/warn/i.test(stderrLine)) return 'warn';
  return /error|fail|severe/i.test(stderrLine) ? 'error' : 'info';
}

it.each([
  ['warn', 'token_table_write_failed'],
  ['warn', 'identity_circuit_opened'],
  ['error', 'unreadable_rows'],
] as const)('writes a line to the console from which the host guesses the level: %s, %s', (level, event) => {
  const written = jest.spyOn(console, level).mockImplementation(() => {});
  log(level, event, { reason: 'Error' });
  expect(levelThatTheHostGuesses(written.mock.calls[0]?.[0])).toBe(level);
  written.mockRestore();
});

function fakeContext() {
  return { info: jest.fn(), warn: jest.fn(), error: jest.fn() };
}
