/** GitHub's own code about workflows: what is wrong in one, and what its conditions come to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';

export interface Job {
  readonly needs?: string | string[];
  readonly if?: string;
}

type Evaluated = { readonly value: unknown };

interface GitHubPackages {
  validate(document: { uri: string; getText(): string }): Promise<{ message: string; range: { start: Position } }[]>;
  registerLogger(logger: Record<'log' | 'info' | 'warn' | 'error', (message: string) => void>): void;
  Lexer: new (text: string) => { lex(): { tokens: unknown[] } };
  Parser: new (tokens: unknown[], contexts: string[], functions: object[]) => { parse(): unknown };
  Evaluator: new (parsed: unknown, context: unknown, functions: Map<string, object>) => { evaluate(): Evaluated };
  data: { reviver(key: string, value: unknown): unknown; BooleanData: new (value: boolean) => unknown };
}

interface Position {
  readonly line: number;
}

const github = loadPackages();
const failures: string[] = [];
const ignore = () => {};
// It logs its own failures and goes on, as if the workflow had no faults.
github.registerLogger({ log: ignore, info: ignore, warn: ignore, error: (message) => failures.push(message) });

let count = 0;

/** Each fault with its line: unknown keys and jobs, bad expressions, contexts that a place does not have. */
export async function lintWorkflow(text: string): Promise<string[]> {
  count += 1; // it remembers by the uri what it has read
  const uri = `file:///.github/workflows/${count}.yml`;
  const found = await github.validate({ uri, getText: () => text });
  return [...found.map(({ message, range }) => `${range.start.line + 1}: ${message}`), ...failures.splice(0)];
}

/** The jobs that run, in order, when each ends well but `failing`. */
export function jobsThatRun(jobs: Record<string, Job>, contexts: object, failing?: string): string[] {
  const results = new Map<string, 'success' | 'failure' | 'skipped'>();
  const ancestors = (name: string): string[] => needsOf(jobs[name]).flatMap((need) => [need, ...ancestors(need)]);
  for (const [name, job] of Object.entries(jobs)) {
    const succeeded = ancestors(name).every((ancestor) => results.get(ancestor) === 'success');
    const needs = Object.fromEntries(needsOf(job).map((need) => [need, { result: results.get(need) }]));
    const runs = isTrue(job.if ?? 'success()', { ...contexts, needs }, succeeded);
    results.set(name, !runs ? 'skipped' : name === failing ? 'failure' : 'success');
  }
  return [...results].filter(([, result]) => result !== 'skipped').map(([name]) => name);
}

function needsOf(job: Job | undefined): string[] {
  return [job?.needs ?? []].flat();
}

/** A condition that asks for no status asks for success() of all jobs before. */
function isTrue(condition: string, contexts: object, succeeded: boolean): boolean {
  const bare = condition.replace(/^\$\{\{(.*)\}\}$/, '$1');
  const whole = /\b(success|failure|cancelled|always)\(\)/.test(bare) ? bare : `success() && (${bare})`;
  const answers = { success: succeeded, cancelled: false };
  const functions = Object.entries(answers).map(([name, answer]) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new github.data.BooleanData(answer),
  }));
  const { tokens } = new github.Lexer(`!(!(${whole}))`).lex();
  const parsed = new github.Parser(tokens, Object.keys(contexts), functions).parse();
  const context = JSON.parse(JSON.stringify(contexts), github.data.reviver);
  return (
    new github.Evaluator(parsed, context, new Map(functions.map((one) => [one.name, one]))).evaluate().value === true
  );
}

/** They are ESM that imports JSON without saying so, which no Node loads as it is: hence the bundle. */
function loadPackages(): GitHubPackages {
  const directory = mkdtempSync(path.join(tmpdir(), 'card-backend-github-'));
  const outfile = path.join(directory, 'packages.cjs');
  buildSync({
    stdin: {
      contents: `export { registerLogger, validate } from '@actions/languageservice';
        export { data, Evaluator, Lexer, Parser } from '@actions/expressions';`,
      resolveDir: __dirname,
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
  });
  try {
    return require(outfile) as GitHubPackages;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
