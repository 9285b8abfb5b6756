import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';
import type {NoticeCode, Place} from './notice.ts';
import type {Value} from './types.ts';

/** Where a value came from: `default`, `environment`, `command line`, or the path of a file. */
export type Origin = string;

/** A configuration while it is being read: files, then adjustments, write into it. */
export interface Draft {
  readonly values: {-readonly [Key in KeyName]: Config[Key]};
  readonly origin: Record<KeyName, Origin>;
  /** Where each key that a file sets was written last. */
  readonly places: Map<KeyName, Place>;
}

/** Reports about a key of the layer that is being read; whoever made it knows file and line. */
export type Say = (code: NoticeCode, key: KeyName, sentence: string, hint?: string) => void;

/** All keys at their defaults; lists never set are empty. */
export function defaultDraft(): Draft {
  const of = <Item>(item: (key: KeyName) => Item) => Object.fromEntries(KEY_NAMES.map((key) => [key, item(key)])) as Record<KeyName, Item>;
  return {values: of((key) => KEYS[key].default ?? []) as Draft['values'], origin: of(() => 'default'), places: new Map()};
}

/** Sets one key; maps are merged into what was there, everything else replaces it. */
export function put(draft: Draft, key: KeyName, {value, origin}: {readonly value: Value; readonly origin: Origin}): void {
  const values = draft.values as Record<KeyName, Value>;
  if (KEYS[key].type === 'map') values[key] = Object.assign({}, values[key], value) as Value;
  else values[key] = Array.isArray(value) ? [...(value as readonly string[])] : value;
  draft.origin[key] = origin;
}

/** Gives a key the value of another, and where that came from. */
export function copy<From extends KeyName>(draft: Draft, from: From, to: KeyName): void {
  put(draft, to, {value: draft.values[from], origin: draft.origin[from]});
}

/** Whether somebody chose the value. */
export function isSet(draft: Draft, key: KeyName): boolean {
  return draft.origin[key] !== 'default';
}
