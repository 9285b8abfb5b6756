import {readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {exitCodes, httpStatuses} from '../../src/lib/errors/errors.ts';
import {ROOT} from './sources.ts';

const page = readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8');
const documented = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (\d+) \|/gm)].map(([, code, exit, http]) => ({
  code,
  exit: Number(exit),
  http: Number(http),
}));
const declared = Object.keys(exitCodes).map((code) => ({
  code,
  exit: exitCodes[code as keyof typeof exitCodes],
  http: httpStatuses[code as keyof typeof httpStatuses],
}));

test('docs/errors.md explains every code, with its statuses, in the order of the declaration, and nothing else', () => {
  expect(documented).toEqual(declared);
});

test('docs/errors.md explains every exit status that a code has, and 0', () => {
  const explained = [...page.matchAll(/^\| (\d) \| /gm)].map((match) => Number(match[1]));
  expect(explained).toEqual([0, ...new Set(Object.values(exitCodes))].sort((a, b) => a - b));
});
