/** The tests of the proofs: the root's Jest, on this folder. */
const { jest } = require('../package.json');

module.exports = { ...jest, rootDir: '..', roots: ['<rootDir>/proofs'] };
