import type {Statement} from './flavor.ts';

/** A statement with `?` where its values go. */
export function say(text: string, ...values: readonly (string | number)[]): Statement {
  return {text, values};
}

/** The same statement with a comment before it, for people who read a general log or the process list. */
export function withComment(statement: Statement, comment: string): Statement {
  // A `?` would take a value; an end of comment would let the rest through as a statement.
  const harmless = comment.replaceAll(/[?!+]|\*\/|\/\*/g, '');
  return {...statement, text: `/* ${harmless} */ ${statement.text}`};
}
