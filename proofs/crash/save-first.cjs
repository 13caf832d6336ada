/**
 * Loaded into Azurite before its own code (hence JavaScript: it starts in half the time): Azurite then saves before it
 * answers. As it comes, it saves every 5 s, and by SIGKILL loses what it has acknowledged since, which Table Storage
 * never does.
 */
const { prototype: store } = require('azurite/dist/src/table/persistence/LokiTableMetadataStore').default;

/** A transaction is saved at its end. Azurite runs one at a time, and counts on nothing to come between its writes. */
let isInTransaction = false;

for (const name of [
  'createTable',
  'insertTableEntity',
  'insertOrUpdateTableEntity',
  'insertOrMergeTableEntity',
  'beginBatchTransaction',
  'endBatchTransaction',
]) {
  const write = store[name];
  store[name] = async function (...parameters) {
    isInTransaction = name === 'beginBatchTransaction' || (isInTransaction && name !== 'endBatchTransaction');
    try {
      return await write.apply(this, parameters);
    } finally {
      // Also after a refusal: it tells of a row, which may not have been saved yet.
      if (!isInTransaction) await this.saveDBState();
    }
  };
}
