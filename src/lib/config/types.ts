import type {Json} from './json.ts';
import type {KeyType} from './declare.ts';

export type Value =
  boolean | number | string | readonly string[] | readonly Readonly<Record<string, Json>>[] | Readonly<Record<string, string>>;

/** What each type is called in messages and in the reference. */
export const TYPE_WORDS: Readonly<Record<KeyType, string>> = {
  bool: 'true or false',
  int: 'a whole number',
  uint: 'a whole number from 0 up',
  text: 'a text',
  list: 'a list of texts',
  map: 'an object of texts',
  objects: 'a list of objects',
};

/** The value if it is of the type; undefined if it is not. */
export function typed(type: KeyType, value: Json): Value | undefined {
  switch (type) {
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'int':
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
    case 'uint':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string') ? (value as readonly string[]) : undefined;
    case 'map':
      return isMap(value) ? value : undefined;
    case 'objects':
      return Array.isArray(value) && value.every(isObject) ? (value as readonly Readonly<Record<string, Json>>[]) : undefined;
  }
}

function isObject(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMap(value: Json): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((item) => typeof item === 'string')
  );
}

/**
 * What was found instead, in words: the kind, and the value where it is short and not a secret.
 *
 * @param options.secret never say the value
 */
export function foundWords(value: Json, {secret}: {readonly secret: boolean}): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list' + inside(value as readonly Json[]);
  if (typeof value === 'object') return 'an object' + inside(Object.values(value));
  const kind = {boolean: 'the boolean', number: 'the number', string: 'the text'}[typeof value as 'boolean' | 'number' | 'string'];
  return secret ? kind.replace('the', 'a') : `${kind} ${shortened(JSON.stringify(value))}`;
}

/** For a list or object that should hold texts: the first kind in it that is none. */
function inside(items: readonly Json[]): string {
  const odd = items.find((item) => typeof item !== 'string');
  return odd === undefined ? '' : ` with ${foundWords(odd, {secret: true})} in it`;
}

function shortened(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 36)}…"`;
}
