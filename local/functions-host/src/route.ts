/** Route templates such as `products/{category:alpha}/{id:guid?}`: parsed once, matched against decoded paths. */
import { HostError } from './host-error';
import { type Constraint, createConstraint } from './route-constraints';

export interface Route {
  /** The parameters when `path` matches; an optional one that is not there is absent. */
  match(path: string): Record<string, string> | undefined;
}

interface Parameter {
  readonly name: string;
  readonly isCatchAll: boolean;
  readonly isOptional: boolean;
  readonly defaultValue: string | undefined;
  readonly constraints: readonly Constraint[];
}

/** One path segment: literal text and parameters in turn. */
type Segment = readonly (string | Parameter)[];

/** @throws HostError, its message a clause without the function's name, if the template cannot be served. */
export function parseRoute(template: string): Route {
  const segments = parseSegments(template);
  check(segments);
  const patterns = segments.map(toPattern);
  return { match: (path) => matchSegments(segments, patterns, path) };
}

function matchSegments(
  segments: readonly Segment[],
  patterns: readonly RegExp[],
  path: string,
): Record<string, string> | undefined {
  // One slash at the end is ignored, a second one makes an empty segment.
  const trimmed = path.replace(/^\//, '').replace(/\/$/, '');
  const texts = trimmed === '' ? [] : trimmed.split('/');
  const values: [Parameter, string][] = [];

  for (const [index, segment] of segments.entries()) {
    const [only] = segment;
    const parameter = segment.length === 1 && typeof only === 'object' ? only : undefined;
    const text = parameter?.isCatchAll ? texts.splice(index).join('/') : texts[index];
    if (parameter && (text === undefined || (parameter.isCatchAll && text === ''))) {
      if (parameter.defaultValue !== undefined) values.push([parameter, parameter.defaultValue]);
      else if (!parameter.isOptional && !parameter.isCatchAll) return undefined;
      continue;
    }
    const found = text ? patterns[index]?.exec(text) : undefined;
    if (!found) return undefined;
    const parameters = segment.filter((part) => typeof part === 'object');
    for (const [group, part] of parameters.entries()) values.push([part, found[group + 1] ?? '']);
  }
  if (texts.length > segments.length) return undefined;
  if (!values.every(([{ constraints }, value]) => constraints.every((accepts) => accepts(value)))) return undefined;
  return Object.fromEntries(values.map(([{ name }, value]) => [name, value]));
}

/** Literals in any letter case; between two parameters the literal that comes last decides, hence greedy groups. */
function toPattern(segment: Segment): RegExp {
  const source = segment.map((part) =>
    typeof part === 'string' ? part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : '(.+)',
  );
  return new RegExp(`^${source.join('')}$`, 'is');
}

/** Reads segment by segment; doubled braces stand for themselves, inside a parameter too (in a regular expression). */
function parseSegments(template: string): Segment[] {
  if (template === '') return [];
  const segments: (string | Parameter)[][] = [[]];
  let at = 0;
  while (at < template.length) {
    const character = template.charAt(at);
    const parts = segments.at(-1) ?? [];
    if (character === '/') {
      segments.push([]);
      at += 1;
    } else if (isBrace(character) && template[at + 1] === character) {
      parts.push(character);
      at += 2;
    } else if (isBrace(character)) {
      const end = character === '{' ? findEnd(template, at + 1) : -1;
      if (end < 0) throw new HostError(`route "${template}" has an unmatched brace`);
      parts.push(parseParameter(template.slice(at + 1, end)));
      at = end + 1;
    } else {
      parts.push(character);
      at += 1;
    }
  }
  if (segments.some((parts) => parts.length === 0)) {
    throw new HostError(`route "${template}" has an empty segment (a slash at its start or end, or two in a row)`);
  }
  return segments;
}

function findEnd(template: string, start: number): number {
  for (let at = start; at < template.length; at += 1) {
    const character = template.charAt(at);
    if (!isBrace(character)) continue;
    if (template[at + 1] !== character) return character === '}' ? at : -1;
    at += 1;
  }
  return -1;
}

function isBrace(character: string): boolean {
  return character === '{' || character === '}';
}

function parseParameter(content: string): Parameter {
  const text = content.replaceAll('{{', '{').replaceAll('}}', '}');
  const parsed = /^(?<star>\*{0,2})(?<name>[^*:=?{}/]+)(?<rest>.*)$/s.exec(text)?.groups;
  if (!parsed) throw new HostError(`route parameter "{${text}}" has no valid name`);
  const { star = '', name = '', rest = '' } = parsed;
  const isOptional = rest.endsWith('?');
  const [inline = '', defaultValue] = splitDefault(isOptional ? rest.slice(0, -1) : rest);
  return { name, isCatchAll: star !== '', isOptional, defaultValue, constraints: parseConstraints(inline, text) };
}

/** `:int(1)=5` → `:int(1)` and `5`; an equals sign inside parentheses belongs to the constraint. */
function splitDefault(text: string): [string, string?] {
  const found = /^((?::[^:(=]+(?:\(.*?\)(?=[:=]|$))?)*)=(.*)$/s.exec(text);
  return found ? [found[1] ?? '', found[2] ?? ''] : [text];
}

function parseConstraints(inline: string, text: string): Constraint[] {
  const constraints: Constraint[] = [];
  let rest = inline;
  while (rest !== '') {
    const found = /^:([^:(]+)(?:\((.*?)\)(?=:|$))?/s.exec(rest);
    if (!found) throw new HostError(`route parameter "{${text}}" is malformed`);
    constraints.push(createConstraint(found[1] ?? '', found[2]));
    rest = rest.slice(found[0].length);
  }
  return constraints;
}

function check(segments: readonly Segment[]): void {
  const names = new Set<string>();
  for (const [index, segment] of segments.entries()) {
    for (const part of segment) {
      if (typeof part === 'string') continue;
      const key = part.name.toLowerCase();
      if (names.has(key)) throw new HostError(`route parameter "${part.name}" appears twice`);
      names.add(key);
      if (segment.length > 1 && (part.isCatchAll || part.isOptional)) {
        throw new HostError(
          `route parameter "${part.name}" is optional or a catch-all, so it needs a segment of its own`,
        );
      }
      if (part.isCatchAll && index < segments.length - 1) {
        throw new HostError(`route parameter "${part.name}" is a catch-all, so it must come last`);
      }
    }
  }
}
