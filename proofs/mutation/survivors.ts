/** The mutants that survive, held against the list of those that may. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { MutantResult } from '@stryker-mutator/api/core';

const list = readFileSync(path.join(__dirname, 'survivors.md'), 'utf8');

/** Those that do not stand in `survivors.md`, in the form in which they would. */
export function findUnexplained(survivors: readonly MutantResult[]): string[] {
  return survivors
    .map((mutant) => ({ file: path.relative('', mutant.fileName).replaceAll(path.sep, '/'), entry: toEntry(mutant) }))
    .filter(
      ({ file, entry }) => !list.split(/^## /m).some((part) => part.startsWith(`${file}\n`) && part.includes(entry)),
    )
    .map(({ file, entry }) => `${file}\n${entry}`);
}

/** Its line of the source; and the part that is changed, with what it becomes. */
function toEntry({ fileName, location: { start, end }, replacement = '' }: MutantResult): string {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line);
  const [first = ''] = lines;
  const before = first.slice(0, start.column - 1);
  const after = lines.at(-1)?.slice(end.column - 1) ?? '';
  const original = lines.join('\n').slice(before.length, -after.length || undefined);
  const onOneLine = (text: string) => text.trim().replace(/\s+/g, ' ');
  return `    ${first.trim()}\n    ${onOneLine(original)} → ${onOneLine(replacement)}\n`;
}
