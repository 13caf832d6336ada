/** The report of a run: what was asked and answered, what was wrong with it, and what it took of the machine. */
import type { HostUsage } from './resources';
import type { SoakResult } from './soak';
import { type Check, checks, type Tally } from './tally';

export interface Report {
  readonly lines: readonly string[];
  /** What did not hold; empty when all did. */
  readonly failures: readonly string[];
  /** The figures in one line. */
  readonly summary: string;
}

/** By the end, against the middle. */
const MAX_GROWTH = 0.1;
/** By the middle of a run that long all is loaded, source maps of 17 MB too, which the first stack of an error wants. */
const LEAST_MINUTES_FOR_GROWTH = 5;
/** Connections come and go; a descriptor that leaks does so once for each of many requests. */
const MAX_MORE_DESCRIPTORS = 20;

const FIRST_WIDTH = 58;
const WIDTH = 10;

export function makeReport(minutes: number, { tally, usage, validations }: SoakResult): Report {
  const changes = usage.map(changeOf);
  const lines = [
    ...timesTable(tally),
    row('answers other than 2xx'),
    ...[...tally.outcomes].sort().flatMap(([outcome, count]) => (outcome < '3' ? [] : row(outcome, integer(count)))),
    row('wrong answers'),
    ...(Object.keys(checks) as Check[]).map((check) => row(checks[check], integer(tally.wrong.get(check) ?? 0))),
    row('validations'),
    row('calls of the identity service outside of its outages', integer(validations.calls)),
    row('first uses of a token at a host, which explain as many', integer(validations.explained)),
    row('first uses of a token whose row the other host had left', integer(validations.secondHosts)),
    row('verdicts taken from that row', integer(validations.fromTable)),
    ...usageTable(usage),
  ];
  const hit = tally.times.get('whoami, from memory');
  const summary = [
    `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}, ${usage.length} hosts: ${integer(tally.requests)} requests`,
    `${integer(tally.wrongAnswers)} wrong answers`,
    `p99 of a memory hit ${hit ? milliseconds(hit.percentile(99)) : 'not measured'}`,
    `memory ${change(Math.max(...changes.map(({ growth }) => growth)), percent)}`,
    `descriptors ${change(Math.max(...changes.map(({ descriptors }) => descriptors)), String)}`,
  ].join(', ');
  return { lines, failures: [...tally.examples, ...changes.flatMap((change) => complain(minutes, change))], summary };
}

interface Change {
  readonly name: string;
  /** A share; NaN where it was not measured. */
  readonly growth: number;
  readonly descriptors: number;
}

/** From the middle of the run to its end. */
function changeOf({ name, middle, end }: HostUsage): Change {
  const growth = (end.residentKb ?? Number.NaN) / (middle.residentKb ?? Number.NaN) - 1;
  return { name, growth, descriptors: (end.descriptors ?? Number.NaN) - (middle.descriptors ?? Number.NaN) };
}

function complain(minutes: number, { name, growth, descriptors }: Change): string[] {
  const isTooMuch = minutes >= LEAST_MINUTES_FOR_GROWTH && growth > MAX_GROWTH;
  return [
    ...(isTooMuch ? [`the memory of ${name} grew by ${percent(growth)}, over ${percent(MAX_GROWTH)}`] : []),
    ...(descriptors > MAX_MORE_DESCRIPTORS ? [`${name} has ${descriptors} descriptors more than it had`] : []),
  ];
}

function timesTable({ times }: Tally): string[] {
  const kinds = [...times].sort(([one], [other]) => (one < other ? -1 : 1));
  return [
    row('requests', 'count', 'p50', 'p99'),
    ...kinds.map(([kind, histogram]) =>
      row(kind, integer(histogram.count), ...[50, 99].map((share) => milliseconds(histogram.percentile(share)))),
    ),
  ];
}

function usageTable(usage: readonly HostUsage[]): string[] {
  const megabytes = (kb?: number) => (kb === undefined ? 'unknown' : `${(kb / 1_024).toFixed(1)} MB`);
  return [
    row('median in the first, middle and last tenth', 'start', 'middle', 'end'),
    ...usage.flatMap(({ name, start, middle, end }) => {
      const thrice = [start, middle, end];
      return [
        row(`${name}, resident memory`, ...thrice.map(({ residentKb }) => megabytes(residentKb))),
        row(`${name}, open descriptors`, ...thrice.map(({ descriptors }) => String(descriptors ?? 'unknown'))),
      ];
    }),
  ];
}

/** A heading is a row that does not begin with a blank. */
function row(first: string, ...columns: readonly string[]): string {
  return first.padEnd(FIRST_WIDTH) + columns.map((column) => column.padStart(WIDTH)).join('');
}

function integer(value: number): string {
  return value.toLocaleString('en');
}

function milliseconds(microseconds: number): string {
  const value = microseconds / 1_000;
  return `${value < 10 ? value.toFixed(1) : integer(Math.round(value))} ms`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function change(value: number, write: (value: number) => string): string {
  return Number.isNaN(value) ? 'not measured' : `${value < 0 ? '' : '+'}${write(value)}`;
}
