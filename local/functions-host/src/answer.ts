/** An HTTP answer before it is written, whoever made it: a function, the router or the host itself. */
import type { ServerResponse } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Made by the server below the app: it does not get host.json's custom headers. */
  readonly isBare?: boolean;
}

/** A JSON answer as the host's own endpoints give it. */
export function json(value: unknown): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(value),
  };
}

/** `defaults` give way to the answer's own headers; `overrides` replace these, but `Vary` is added to. */
export function writeAnswer(
  response: ServerResponse,
  answer: Answer,
  defaults: Readonly<Record<string, string>>,
  overrides: Readonly<Record<string, string>>,
): void {
  response.statusCode = answer.status;
  const headers = [...(answer.isBare ? [] : Object.entries(defaults)), ...Object.entries(answer.headers ?? {})];
  for (const [name, value] of headers) response.setHeader(name, value);
  for (const [name, value] of Object.entries(overrides)) {
    const present = response.getHeader(name);
    const isAdded = name.toLowerCase() === 'vary' && present !== undefined;
    response.setHeader(name, isAdded ? `${present}, ${value}` : value);
  }
  response.end(answer.body);
}
