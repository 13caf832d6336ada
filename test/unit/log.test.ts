import { consoleLog } from '../../shared/log';

it.each(['info', 'warn', 'error'] as const)('writes one JSON object to the console, as %s', (level) => {
  const written = jest.spyOn(console, level).mockImplementation(() => {});
  consoleLog(level, 'something_happened', { reason: 'timeout' });
  expect(written.mock.calls).toEqual([['{"event":"something_happened","reason":"timeout"}']]);
  written.mockRestore();
});
