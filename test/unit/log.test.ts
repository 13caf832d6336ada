import { inInvocation, log } from '../../shared/log';

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

function fakeContext() {
  return { info: jest.fn(), warn: jest.fn(), error: jest.fn() };
}
