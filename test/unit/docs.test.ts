import {existsSync, globSync, readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {ROOT} from './sources.ts';

const pages = [...globSync('*.md', {cwd: ROOT}), ...globSync('docs/**/*.md', {cwd: ROOT})].sort();
const text = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8');

test.each(pages)('%s links to files that are there', (page) => {
  const targets = [...text(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^https?:/.test(target));
  expect(targets.filter((target) => !existsSync(path.join(ROOT, path.dirname(page), target)))).toEqual([]);
});

test('decisions are numbered without a gap, and each says its context, the decision and what was given up', () => {
  const names = readdirSync(path.join(ROOT, 'docs/decisions')).sort();
  expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, at) => at + 1));
  for (const name of names) {
    const headings = [...text(`docs/decisions/${name}`).matchAll(/^#+ (.+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual([
      expect.stringMatching(new RegExp(`^${Number(name.slice(0, 4))}\\. `)),
      'Context',
      'Decision',
      'What we gave up',
    ]);
  }
});

test('the scripts that the pages name can be run', () => {
  const named = new Set(pages.flatMap((page) => [...text(page).matchAll(/\bscript\/([a-z]+)(?![\w.-])/g)].map((match) => match[1] ?? '')));
  const lost = [...named].filter((name) => !((statSync(path.join(ROOT, 'script', name), {throwIfNoEntry: false})?.mode ?? 0) & 0o100));
  expect(lost).toEqual([]);
});

test('the changelog begins with the version of package.json', () => {
  const {version} = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {version: string};
  const first = /^## (\S+)( \(Pending\))?$/m.exec(text('CHANGELOG.md'));
  expect(first?.[1]).toBe(version.replace(/-.*$/, ''));
  expect(first?.[2] !== undefined).toBe(version.includes('-'));
});
