import {AsyncLocalStorage} from 'node:async_hooks';

/** What a line of the log belongs to; names of things that are looked for by them. */
export interface Trail {
  /** Of HTTP. */
  readonly request?: string;
  /** UID of a recovery, or of a relocation. */
  readonly recovery?: string;
}

const storage = new AsyncLocalStorage<Trail>();

/** Runs something whose lines of the log belong to these, beside what they belong to already. */
export function within<Result>(more: Trail, work: () => Result): Result {
  return storage.run({...storage.getStore(), ...more}, work);
}

/** What is being done belongs to these; nothing when nobody has said. */
export function currentTrail(): Trail {
  return storage.getStore() ?? {};
}
