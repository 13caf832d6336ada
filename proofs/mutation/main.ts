/**
 * `npm run proofs -- mutation`: changes shared/auth, shared/http and shared/storage in one small way after another, and
 * shows that tests fail for at least 90 % of these mutants. Each that survives must stand in `survivors.md`, with the
 * reason. With files, only those: `npm run proofs -- mutation shared/auth/validator.ts`.
 */
import { rmSync } from 'node:fs';
import type { MutantResult } from '@stryker-mutator/api/core';
import { startAzurite } from '../../local/azurite';
import { runCommand } from '../../local/command';
import { findFreePort } from '../../test/harness/free-port';
import { MIN_SCORE, sandboxFolder, toOptions } from './options';
import { findUnexplained } from './survivors';

const ALL = ['shared/{auth,http,storage}/**/*.ts'];

runCommand(async (command) => {
  const startedAtMs = performance.now();
  const files = process.argv.slice(2);
  // Stryker ends this process at once when it is told to stop.
  process.on('exit', () => rmSync(sandboxFolder, { recursive: true, force: true }));
  const azurite = await startAzurite({ port: await findFreePort() });
  command.onStop(() => azurite.stop());
  process.env['TEST_STORAGE'] = azurite.connectionString; // for the tests, whose processes inherit it

  const { Stryker } = await import('@stryker-mutator/core');
  const mutants = await new Stryker(toOptions(files.length > 0 ? files : ALL)).runMutationTest();

  const having = (status: MutantResult['status']) => mutants.filter((mutant) => mutant.status === status);
  const [killed, timedOut] = [having('Killed').length, having('Timeout').length];
  const [survivors, uncovered] = [having('Survived'), having('NoCoverage')];
  const score = (100 * (killed + timedOut)) / (killed + timedOut + survivors.length + uncovered.length);
  const unexplained = findUnexplained([...survivors, ...uncovered]);
  for (const mutant of unexplained) console.log(`NOT EXPLAINED in survivors.md:\n${mutant}`);
  if (score < MIN_SCORE) console.log(`The score is below ${MIN_SCORE} %.`);
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed();
  console.log(
    `${score.toFixed(1)} % of ${mutants.length} mutants found: ${killed} killed, ${timedOut} timed out, ` +
      `${survivors.length} survived, ${uncovered.length} not covered (${seconds} s)`,
  );
  command.finish(score >= MIN_SCORE && unexplained.length === 0 ? 0 : 1);
});
