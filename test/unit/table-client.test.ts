import type { TableClient } from '@azure/data-tables';
import { createTableIfMissing } from '../../shared/storage/table-client';

const failWith = (code: string) => Promise.reject(Object.assign(new Error(code), { code, statusCode: 404 }));
const { signal } = new AbortController();

function setUp() {
  const createTable = jest.fn(async () => {});
  return { createTable, table: { createTable } as unknown as TableClient };
}

it('creates the table when it is missing, under the same deadline, and runs the operation once more', async () => {
  const { createTable, table } = setUp();
  const operation = jest.fn().mockReturnValueOnce(failWith('TableNotFound')).mockResolvedValue('done');
  expect(await createTableIfMissing(table, signal, operation)).toBe('done');
  expect(createTable.mock.calls).toEqual([[{ abortSignal: signal }]]);
  expect(operation).toHaveBeenCalledTimes(2);
});

it('takes the code from the answer of the storage where that has one, and else from the error', async () => {
  const { createTable, table } = setUp();
  const failure = { code: 'ResourceNotFound', details: { odataError: { code: 'TableNotFound' } } };
  const operation = jest.fn().mockRejectedValueOnce(failure).mockResolvedValue('done');
  expect(await createTableIfMissing(table, signal, operation)).toBe('done');
  expect(createTable).toHaveBeenCalledTimes(1);
  const unlike = { code: 'AuthorizationFailure', details: {} };
  await expect(createTableIfMissing(table, signal, () => Promise.reject(unlike))).rejects.toBe(unlike);
});

it.each(['ResourceNotFound', 'AuthorizationFailure', 'ECONNREFUSED'])('creates none because of %s', async (code) => {
  const { createTable, table } = setUp();
  await expect(createTableIfMissing(table, signal, () => failWith(code))).rejects.toMatchObject({ code });
  expect(createTable).not.toHaveBeenCalled();
});
