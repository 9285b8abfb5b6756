import {expect, test} from 'vitest';
import {Troubles} from '../../../src/lib/daemon/troubles.ts';

const A = {host: 'a', port: 3306};
const B = {host: 'b', port: 3306};

test('what is wrong is said once, anew when it is something else, and again after it was well', () => {
  const said: string[] = [];
  const troubles = new Troubles((_level, sentence) => said.push(sentence));
  troubles.note(A, ['denied']);
  troubles.note(A, ['denied']);
  troubles.note(B, ['denied']);
  expect(said).toEqual(['denied', 'denied']);
  troubles.note(A, ['denied', 'no grant']);
  expect(said.slice(2)).toEqual(['no grant']);
  troubles.note(A, ['silent']);
  troubles.note(A, []);
  troubles.note(A, ['silent']);
  expect(said.slice(3)).toEqual(['silent', 'silent']);
  troubles.forget(A);
  troubles.note(A, ['silent']);
  expect(said.slice(5)).toEqual(['silent']);
});
