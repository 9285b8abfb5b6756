import {createHash, timingSafeEqual} from 'node:crypto';
import {acquireToken, makeToken, readToken, type AccessToken} from '../../store/access-tokens.ts';
import {audit} from '../audit-trail.ts';
import type {Context, Ports} from '../context.ts';
import {define} from '../define.ts';

export const accessToken = define({
  name: 'access-token',
  localOnly: true,
  section: 'Service',
  formerly: [],
  about: 'Make a token for somebody to log in with, where AuthenticationMethod is "token"',
  details:
    'Prints its public half. Who opens /web/access-token?publicToken=TOKEN within AccessTokenUseExpirySeconds is logged in for AccessTokenExpiryMinutes; it can be opened once.',
  examples: ['access-token', 'access-token --owner ann'],
  input: {},
  changes: 'backend',
  async run(context): Promise<{readonly token: string}> {
    const token = await makeToken(await context.backend(), context.caller.user);
    await audit(context, {type: 'access-token', message: `for ${context.caller.user}`});
    return {token};
  },
  print: ({token}) => [token],
});

/** Picks a token up by its public half: null when there is none that may be picked up now. */
export async function pickUp(ports: Pick<Ports, 'backend' | 'config'>, open: string): Promise<AccessToken | null> {
  const {AccessTokenUseExpirySeconds: within} = await ports.config();
  return acquireToken(await ports.backend(), open, within);
}

/** Whose token this is; null unless both halves are right and it is in force. */
export async function ownerOf(ports: Pick<Context, 'backend' | 'config'>, token: AccessToken): Promise<string | null> {
  const {AccessTokenExpiryMinutes: minutes} = await ports.config();
  const stored = await readToken(await ports.backend(), token.public, minutes * 60);
  return stored !== null && isSame(stored.secret, token.secret) ? stored.owner : null;
}

/** Takes as long for a near miss as for any other text. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
