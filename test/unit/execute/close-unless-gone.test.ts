import {expect, test} from 'vitest';
import {closeUnlessGone} from '../../../src/lib/execute/steps/close-unless-gone.ts';
import {connectFailed, ServerError} from '../../../src/lib/servers/failure.ts';

const key = {host: 'db1', port: 3306};

const UNFENCED = /^db1:3306 is unfenced: it could not be reached/;
const LIVES = /^db1:3306 lives, and could not be closed: /;

test.each([
  {what: 'nobody listens', code: 'ECONNREFUSED', said: UNFENCED},
  {what: 'nobody answers', code: 'ETIMEDOUT', said: UNFENCED},
  {what: 'it hangs up without a word', code: 'PROTOCOL_CONNECTION_LOST', said: UNFENCED},
  {what: 'no way leads there', code: 'EHOSTUNREACH', said: UNFENCED},
  {what: 'it has too many connections', code: 'ER_CON_COUNT_ERROR', errno: 1040, said: LIVES},
  {what: 'it has blocked this host', code: 'ER_HOST_IS_BLOCKED', errno: 1129, said: LIVES},
  {what: 'it greets and hangs up', code: 'PROTOCOL_CONNECTION_LOST', heard: true, said: LIVES},
  {what: 'it greets and falls silent', code: 'ETIMEDOUT', heard: true, said: LIVES},
])('the source to be closed: $what', async ({what, said, ...more}) => {
  const closing = closeUnlessGone(key, () => Promise.reject(connectFailed(key, new ServerError(what, more))));
  // An error and a sentence are told apart by what they say.
  expect(await closing.catch((error: Error) => error.message)).toMatch(said);
});
