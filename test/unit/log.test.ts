import { inInvocation, log } from '../../shared/log';
import { deferred } from '../harness/deferred';

const levels = ['info', 'warn', 'error'] as const;

it.each(levels)('writes one JSON object to the console, as %s, outside of an invocation', (level) => {
  const written = jest.spyOn(console, level).mockImplementation(() => {});
  log(level, 'something_happened', { reason: 'timeout' });
  expect(written.mock.calls).toEqual([['{"event":"something_happened","reason":"timeout"}']]);
  written.mockRestore();
});

it.each(levels)('writes by the context of the invocation, as %s, also after something was awaited', async (level) => {
  const [first, second] = [fakeContext(), fakeContext()];
  await Promise.all([
    inInvocation(first, () => Promise.resolve().then(() => log(level, 'one'))),
    inInvocation(second, () => Promise.resolve().then(() => log(level, 'two'))),
  ]);
  expect(first[level].mock.calls).toEqual([['{"event":"one"}']]);
  expect(second[level].mock.calls).toEqual([['{"event":"two"}']]);
});

it('writes to the console what comes after the end of the invocation, whose context may not be used any more', async () => {
  const context = fakeContext();
  const late = deferred();
  const written = jest.spyOn(console, 'warn').mockImplementation(() => {});
  let background: Promise<void> | undefined;
  await inInvocation(context, async () => {
    background = late.promise.then(() => log('warn', 'late'));
  });
  late.resolve();
  await background;
  expect(context.warn).not.toHaveBeenCalled();
  expect(written.mock.calls).toEqual([['{"event":"late"}']]);
  written.mockRestore();
});

function fakeContext() {
  return { info: jest.fn(), warn: jest.fn(), error: jest.fn() };
}
