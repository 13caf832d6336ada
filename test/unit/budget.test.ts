import { BUDGET } from '../../shared/auth/budget';

it('gives a validation 3 s, of which 250 ms are for the table and 300 ms are left over for the answer', () => {
  expect(BUDGET).toEqual({ totalMs: 3_000, tableMs: 250, identityMs: 2_450 });
  expect(Object.isFrozen(BUDGET)).toBe(true);
});
