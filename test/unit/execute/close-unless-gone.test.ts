import {expect, test} from 'vitest';
import {closeUnlessGone} from '../../../src/lib/execute/steps/close-unless-gone.ts';
import {connectFailed, ServerError} from '../../../src/lib/servers/failure.ts';

const key = {host: 'db1', port: 3306};

test.each([
  {what: 'nobody listens', code: 'ECONNREFUSED'},
  {what: 'nobody answers', code: 'ETIMEDOUT'},
  {what: 'it hangs up without a word', code: 'PROTOCOL_CONNECTION_LOST'},
  {what: 'no way leads there', code: 'EHOSTUNREACH'},
  {what: 'it has too many connections', code: 'ER_CON_COUNT_ERROR', errno: 1040, lives: true},
  {what: 'it has blocked this host', code: 'ER_HOST_IS_BLOCKED', errno: 1129, lives: true},
  {what: 'it greets and hangs up', code: 'PROTOCOL_CONNECTION_LOST', heard: true, lives: true},
  {what: 'it greets and falls silent', code: 'ETIMEDOUT', heard: true, lives: true},
])('the source to be closed: $what', async ({what, lives = false, ...more}) => {
  const closing = closeUnlessGone(key, () => Promise.reject(connectFailed(key, new ServerError(what, more))));
  if (lives) await expect(closing).rejects.toThrow('db1:3306 lives, and could not be closed: ');
  else await expect(closing).resolves.toMatch(/^db1:3306 is unfenced: it could not be reached/);
});
