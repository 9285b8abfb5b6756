import {randomBytes} from 'node:crypto';
import type {Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'access_token';
const fit = fitter(TABLE);

/** The two halves of a token: the public one is handed out, the secret one is given for it once. */
export interface AccessToken {
  readonly public: string;
  readonly secret: string;
}

/** Makes a token that somebody may pick up. @returns its public half */
export async function makeToken(backend: Backend, owner: string): Promise<string> {
  const [open, secret] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
  const row = fit({public_token: open, secret_token: secret, generated_by: owner, is_acquired: 0, is_reentrant: 0});
  await backend.run(({db, dialect}) => db(TABLE).insert({...row, generated_at: dialect.now()}));
  return open;
}

/**
 * Picks a token up: once, and soon after it was made; a reentrant one as often as one likes.
 *
 * @returns null when there is none, or no more
 */
export async function acquireToken(backend: Backend, open: string, within: Seconds): Promise<AccessToken | null> {
  return backend.transaction(async ({db, dialect}) => {
    const taken = await db(TABLE)
      .where('public_token', open)
      .where((either) => {
        void either
          .where('is_reentrant', 1)
          .orWhere((fresh) => void fresh.where('is_acquired', 0).where('generated_at', '>', dialect.ago(within)));
      })
      .update({is_acquired: 1, acquired_at: dialect.now()});
    if (taken === 0) return null;
    const row: {secret_token: string} | undefined = await db(TABLE).where('public_token', open).first('secret_token');
    return row === undefined ? null : {public: open, secret: row.secret_token};
  });
}

/** Who made a token whose public half is this, and its secret half; null when there is none in force. */
export async function readToken(
  backend: Backend,
  open: string,
  lasting: Seconds,
): Promise<{readonly secret: string; readonly owner: string} | null> {
  const row: {secret_token: string; generated_by: string} | undefined = await backend.run(({db, dialect}) =>
    db(TABLE)
      .where('public_token', open)
      .where((either) => void either.where('is_reentrant', 1).orWhere('generated_at', '>=', dialect.ago(lasting)))
      .first('secret_token', 'generated_by'),
  );
  return row === undefined ? null : {secret: row.secret_token, owner: row.generated_by};
}
