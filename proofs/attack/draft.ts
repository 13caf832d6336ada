/** A request before it is sent, as text in which each character stands for one byte. */
import type fc from 'fast-check';

/** `<token>` and the like, in any part, stand for what is filled in when it is sent: so it can be printed. */
export interface Draft {
  readonly method: string;
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Sent with its Content-Length; without a body there is neither. */
  readonly body?: string;
}

/** One way in which a request differs from the plain one. */
export interface Variant {
  readonly name: string;
  /** The answer, in the words of `describe`; undefined where the difference must make none. */
  readonly expected?: string;
  readonly change: fc.Arbitrary<(draft: Draft) => Draft>;
}

/** What stands between the angle brackets. */
export type Fillings = Readonly<Record<string, string>>;

export function toWire({ method, path, query, headers, body }: Draft): string {
  const host = headers.some(([name]) => name === 'Host') ? [] : [['Host', 'attacked'] as const];
  const length = body === undefined ? [] : [['Content-Length', '<length>'] as const];
  const lines = [...host, ...headers, ...length].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path}${query} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

/** @param body whose length, when it is filled in, `<length>` stands for */
export function fill(wire: string, body: string | undefined, fillings: Fillings): string {
  const put = (text: string, all: Fillings) => text.replace(/<([a-z ]+)>/g, (whole, name) => all[name] ?? whole);
  return put(wire, { ...fillings, length: String(put(body ?? '', fillings).length) });
}

/** As its UTF-8, a character for each byte. */
export function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

export function withHeaders(...headers: Draft['headers']) {
  return (draft: Draft): Draft => ({ ...draft, headers: [...draft.headers, ...headers] });
}

export function withBody(body: string) {
  return (draft: Draft): Draft => ({ ...draft, body });
}

export function withQuery(query: string) {
  return (draft: Draft): Draft => ({ ...draft, query: `${draft.query === '' ? '?' : `${draft.query}&`}${query}` });
}

export function editBody(edit: (body: string) => string) {
  return (draft: Draft): Draft => ({ ...draft, body: edit(draft.body ?? '') });
}

/** One member more in the body's object, as JSON: it comes last, and so it is the one that counts. */
export function withMember(name: string, value: string) {
  return editBody((body) => `${body.slice(0, -1)},${name}:${value}}`);
}
