/** Turns the target of a request line into the decoded path that is routed and the URL path that the function sees. */

export interface RequestTarget {
  /** Decoded once, except for encoded slashes; without dot segments. */
  readonly path: string;
  /** The same path, encoded again. */
  readonly urlPath: string;
  /** What follows the path, with its question mark, as sent. */
  readonly search: string;
}

/** One UTF-8 sequence of one to four bytes, percent-encoded. */
const utf8Escape =
  /%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}/gi;

/** `undefined` when the target is none that a server of its own (not a proxy) answers. */
export function parseRequestTarget(rawTarget: string): RequestTarget | undefined {
  const target = rawTarget.replace(/^https?:\/\/[^/?#]*/i, '');
  const question = target.indexOf('?');
  const rawPath = question < 0 ? target : target.slice(0, question);
  const search = question < 0 ? '' : target.slice(question);
  if (!rawPath.startsWith('/') || /[^\x21-\x7e]/.test(target) || rawPath.includes('%00')) return undefined;
  const path = removeDotSegments(decodeEscapes(rawPath, { keepSlash: true }));
  return { path, urlPath: encodePath(path), search };
}

/** Decodes percent-encoded UTF-8; an escape that is not valid stays as it is. */
export function decodeEscapes(text: string, { keepSlash }: { readonly keepSlash: boolean }): string {
  return text.replace(utf8Escape, (sequence) => {
    if (keepSlash && sequence.toLowerCase() === '%2f') return sequence;
    try {
      return decodeURIComponent(sequence);
    } catch {
      return sequence;
    }
  });
}

/** As ASP.NET Core does it: what looks like an escape stays, every other percent sign is encoded. */
function encodePath(path: string): string {
  return path.replace(/%(?![0-9a-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/giu, encodeURIComponent);
}

function removeDotSegments(path: string): string {
  if (!/\/\.\.?(?:\/|$)/.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.slice(1).split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  if (/\/\.\.?$/.test(path)) kept.push('');
  return `/${kept.join('/')}`;
}
