/** What a local command shows of an error that nobody caught. */
import { describeCrash } from '../../local/command';

test('shows the name and where it came from, never the message, also one of several lines', () => {
  const error = new RangeError('hush\n    at hush (hush.ts:1:1)');
  expect(describeCrash(error)).toMatch(/^Uncaught RangeError at \S.*local-command\.test\.ts/);
  expect(describeCrash(error)).not.toMatch(/hush|\n/);
});

test('shows nothing of what is no Error', () => {
  expect(describeCrash('hush')).toBe('Uncaught error that is no Error.');
});
