/** How Stryker is run. */
import type { LogLevel, PartialStrykerOptions } from '@stryker-mutator/api/core';

/** In percent. */
export const MIN_SCORE = 90;
export const sandboxFolder = '.stryker-tmp';

/** @param files that are changed */
export function toOptions(files: string[]): PartialStrykerOptions {
  return {
    mutate: files,
    testRunner: 'jest',
    jest: {
      configFile: 'package.json',
      config: {
        // Those that load what is changed by themselves. Those that serve the built app take too long for each mutant; and
        // on a busy machine a deadline of theirs that passes would look like a mutant that is found.
        testMatch: ['<rootDir>/test/{unit,storage}/*.test.ts', '<rootDir>/test/http/kaizala-provider.test.ts'],
        globalSetup: null,
        globalTeardown: null,
        testEnvironment: './proofs/mutation/environment.cjs',
      },
    },
    coverageAnalysis: 'perTest',
    // Each AsyncLocalStorage that a test file makes slows down all promises of its process, for good.
    maxTestRunnerReuse: 30,
    // So long that only what never ends comes to it, also on a busy machine.
    timeoutMS: 60_000,
    thresholds: { high: 100, low: MIN_SCORE, break: MIN_SCORE },
    reporters: ['progress-append-only', 'html'],
    htmlReporter: { fileName: 'reports/mutation.html' },
    tempDirName: sandboxFolder,
    cleanTempDir: 'always',
    // It would read these with TypeScript's own interface, which version 7 does not have.
    tsconfigFile: '',
    disableTypeChecks: false,
    logLevel: 'error' as LogLevel,
  };
}
