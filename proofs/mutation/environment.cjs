/** Where the tests run: once one has failed the mutant is killed, and all others are left out. */
const { default: NodeEnvironment } = require('jest-environment-node');

let killed;

module.exports = class extends NodeEnvironment {
  handleTestEvent({ name, test }) {
    const mutant = process.env['__STRYKER_ACTIVE_MUTANT__'];
    if (name === 'test_done' && test.errors.length > 0) killed = mutant;
    if (name === 'test_start' && mutant !== undefined && mutant === killed) test.mode = 'skip';
  }
};

// The command that started this process may be gone before it.
process.once('disconnect', () => process.exit());
