/** What the log may say of a bug: its message and where it was thrown, without this caller's token and identity. */
import type { Identity } from '../auth/provider';
import type { JsonBody } from './json-body';

type Known = { token?: string | undefined; identity?: Identity | undefined; body?: JsonBody | undefined };

/** Gives up to 1,000 characters each; no message when a value is so short that many words contain it. Never throws. */
export function describeBug(thrown: unknown, { token = '', identity, body }: Known) {
  try {
    const { name, message, stack } = Object(thrown) as Record<string, unknown>;
    const text = typeof message === 'string' ? `${name}: ${message}` : String(JSON.stringify(thrown));
    const belowMessage = String(stack).replace(String(message), ''); // which may have lines that look like frames
    const frames = belowMessage.match(/^ {4}at .+/gm)?.join('\n') ?? '';
    const values = [token, ...Object.values(identity ?? {})].filter((value): value is string => Boolean(value));
    const long = values.filter((value) => value.length >= 4);
    const strings = (token !== '' && body?.kind === 'json' && body.text.match(/"[^"\\]*(?:\\.[^"\\]*)*"/g)) || [];
    const withToken = strings.map((json): string => JSON.parse(json)).filter((value) => value.includes(token));
    const secrets = new Set([...long, ...withToken].flatMap(spellings));
    const said = long.length === values.length ? redact(text, secrets, token) : undefined;
    return { message: said, stack: redact(frames, secrets, token) };
  } catch {
    return { message: `A thrown ${typeof thrown} that cannot be described.`, stack: undefined };
  }
}

function spellings(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const form = new URLSearchParams([['', value]]).toString().slice(1);
  const wellFormed = value.toWellFormed(); // encodeURI throws on a lone surrogate
  return [value, json, ascii, form, encodeURIComponent(wellFormed), encodeURI(wellFormed)].map(foldCase);
}

/** Unlike toLowerCase, keeps the length of every text. */
const foldCase = (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

function redact(text: string, secrets: ReadonlySet<string>, token: string): string | undefined {
  if (text === '' || text.length > 65_536) return undefined;
  const [folded, hidden, foldedToken] = [foldCase(text), new Uint8Array(text.length), foldCase(token)];
  const hide = (at: number, length: number) => hidden.fill(1, at, at + length);
  for (const secret of secrets) {
    for (let at = folded.indexOf(secret); at >= 0; at = folded.indexOf(secret, at + 1)) hide(at, secret.length);
  }
  // Libraries quote cut text, such as V8's `Unexpected token 'e', "eyJhbGciOi"...`.
  const parts = new Set(Array.from(token, (_, at) => foldedToken.slice(at, at + 8)));
  for (let at = 0; at + 8 <= text.length; at += 1) if (parts.has(folded.slice(at, at + 8))) hide(at, 8);
  return text.replace(/./gs, (unit, at: number) => (hidden[at] ? (hidden[at - 1] ? '' : '***') : unit)).slice(0, 1_000);
}
