import {OrchestratorError} from '../errors/errors.ts';

/** A word that people put on an instance; the value is '' where they gave none. */
export interface Tag {
  readonly name: string;
  readonly value: string;
}

/** Which tag is meant: any value of it where the value is null. */
export interface TagPattern {
  readonly name: string;
  readonly value: string | null;
}

/** One condition of an expression; negated it still asks that the instance has some tag. */
export interface TagTerm extends TagPattern {
  readonly negated: boolean;
}

const HINT = 'write name or name=value; in a search several with commas between, and ~ before what must not be';

/**
 * Reads `name` or `name=value`.
 *
 * @throws OrchestratorError INPUT_INVALID: the name is missing, or has a sign that means something in a search
 */
export function parseTag(text: string): TagPattern {
  const [, name = '', , value = null] = /^([^=]*)(=(.*))?$/s.exec(text.trim()) ?? [];
  if (name.trim() === '' || /^[~!]|,/.test(name))
    throw new OrchestratorError('INPUT_INVALID', `${JSON.stringify(text)} is not a tag`, {hint: HINT});
  return {name: name.trim(), value: value?.trim() ?? null};
}

/**
 * Reads `role=db,~dc=west,!old`: conditions that all have to hold. `name`: has it, with whatever value. `name=value`: has it with
 * this value. `~name`: has tags, and this is not among them. `~name=value`: has it, with another value.
 *
 * @throws OrchestratorError INPUT_INVALID
 */
export function parseTagExpression(text: string): readonly TagTerm[] {
  return text.split(',').map((part) => {
    const [, sign, rest = ''] = /^\s*([~!])?(.*)$/s.exec(part) ?? [];
    return {...parseTag(rest), negated: sign !== undefined};
  });
}

/** Whether an instance with these tags is meant; one without any never is. */
export function matchesTags(tags: readonly Tag[], terms: readonly TagTerm[]): boolean {
  return tags.length > 0 && terms.every((term) => holds(tags, term));
}

function holds(tags: readonly Tag[], {name, value, negated}: TagTerm): boolean {
  const found = tags.find((tag) => tag.name === name);
  if (value === null) return (found !== undefined) !== negated;
  return found !== undefined && (found.value === value) !== negated;
}

/** `name=value`, as `tags` prints it; `name=` without a value. */
export function tagText({name, value}: Tag): string {
  return `${name}=${value}`;
}
