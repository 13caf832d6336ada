/** What a rule about a deployment is, and how it says what it found. */
import { isDeepStrictEqual } from 'node:util';
import type { Deployment, PredictedResource } from './deployment';

export interface Rule {
  readonly name: string;
  /** Answers each breach in a sentence; none when the rule holds. */
  check(deployment: Deployment): string[];
}

export interface Must {
  /** Deep equality. */
  be(what: string, actual: unknown, expected: unknown): void;
  hold(what: string, truth: boolean): void;
}

export function rule(name: string, body: (deployment: Deployment, must: Must) => void): Rule {
  return {
    name,
    check(deployment) {
      const breaches: string[] = [];
      const must: Must = {
        be(what, actual, expected) {
          if (isDeepStrictEqual(actual, expected)) return;
          breaches.push(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
        },
        hold(what, truth) {
          if (!truth) breaches.push(what);
        },
      };
      try {
        body(deployment, must);
      } catch (error) {
        // Something that the rule is about is not there at all.
        breaches.push((error as Error).message);
      }
      return breaches;
    },
  };
}

export function ofType(deployment: Deployment, type: string): readonly PredictedResource[] {
  return deployment.resources.filter((resource) => resource.type === type);
}

/** Throws unless there is exactly one. */
export function only(deployment: Deployment, type: string): PredictedResource {
  const [first, ...others] = ofType(deployment, type);
  if (first === undefined || others.length > 0) throw new Error(`there must be one ${type}, not ${others.length}`);
  return first;
}

/** The expression for a value that is known only when `resource` exists. */
export function runtimeValue(resource: PredictedResource, member: string): string {
  return `reference('${resource.id}', '${resource.apiVersion}').${member}`;
}
