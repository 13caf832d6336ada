import { toServerTiming } from '../../shared/http/server-timing';

it('names the source, and only the steps that ran', () => {
  expect(toServerTiming({ source: 'memory', authMs: 0.25 })).toBe('auth;desc="memory";dur=0.25');
  expect(toServerTiming({ source: 'table', authMs: 9, tableMs: 8, handlerMs: 3 })).toBe(
    'auth;desc="table";dur=9, table;dur=8, handler;dur=3',
  );
  expect(toServerTiming({ source: 'identity-service', authMs: 20, tableMs: 8, identityMs: 11, handlerMs: 0 })).toBe(
    'auth;desc="identity-service";dur=20, table;dur=8, identity;dur=11, handler;dur=0',
  );
});

it('gives milliseconds with two decimals at most', () => {
  expect(toServerTiming({ source: 'none', authMs: 12.3456, tableMs: 0.001 })).toBe(
    'auth;desc="none";dur=12.35, table;dur=0',
  );
});
