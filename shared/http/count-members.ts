/** Counts members that share a name, of which JSON.parse silently keeps the last (RFC 8259 §4 leaves it open). */

/** How often the object `json` has the member `name` at its top level, in any spelling. `json` must be valid. */
export function countMembers(json: string, name: string): number {
  let count = 0;
  let depth = 0;
  // Strings, each with the colon that makes it a member's name, and brackets.
  for (const [token, colon] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && colon !== undefined && JSON.parse(token.slice(0, -colon.length)) === name) count += 1;
  }
  return count;
}
