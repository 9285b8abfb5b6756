import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {shells} from '../sandbox/index.ts';
import {given} from '../unit/support/given.ts';
import {cli, type Cli} from './support/cli.ts';

let it: Cli;
let zsh: string;

beforeAll(async () => {
  it = cli();
  await it.seed(given('db1: db2'));
  zsh = path.join(await shells(it.folder), 'zsh');
});
afterAll(() => it.down());

const TITLES = ['instance', 'cluster', 'depth', 'version', 'read-only', 'replicates from'];
const ROWS = 'db1:3306  db1:3306  0      8.4.5    no\ndb2:3306  db1:3306  1      8.4.5    yes        db1:3306\n';
const HEAD = 'instance  cluster   depth  version  read-only  replicates from';
const COLOURED = TITLES.reduce((line, title) => line.replace(title, `\u001B[1m${title}\u001B[22m`), HEAD);
const TABLE = `${HEAD}\n${ROWS}`;
const PLAIN = 'db1:3306\ndb2:3306\n';

test.each<{readonly what: string; readonly line: string; readonly env?: NodeJS.ProcessEnv; readonly shows: string}>([
  {what: 'a table in colours', line: 'all-instances', shows: `${COLOURED}\n${ROWS}`},
  {what: 'no colours for who wants none', line: 'all-instances', env: {NO_COLOR: '1'}, shows: TABLE},
  {what: 'an empty word asks for nothing', line: 'all-instances', env: {NO_COLOR: ''}, shows: `${COLOURED}\n${ROWS}`},
  {what: 'no colours where there are none', line: 'all-instances', env: {TERM: 'dumb'}, shows: TABLE},
  {what: 'plain lines when they are asked for', line: 'all-instances --format plain', shows: PLAIN},
  {what: 'plain lines in a pipe', line: 'all-instances | cat', shows: PLAIN},
  {what: 'a table in a pipe when it is asked for, without colours', line: 'all-instances --format table | cat', shows: TABLE},
])('at a terminal: $what', ({line, env, shows}) => {
  expect(atTerminal(line, {TERM: 'xterm', ...env})).toBe(shows);
});

/** What somebody sees who types this after the name of the program, at a terminal and in a shell. */
function atTerminal(line: string, env: NodeJS.ProcessEnv): string {
  const program = `${process.execPath} --disable-warning=ExperimentalWarning ${process.env['ORCHESTRATOR_BIN'] ?? ''}`;
  // Standard error goes elsewhere: a command that lasts says there how long. The terminal stays open until all was read.
  writeFileSync(
    path.join(it.folder, 'typed.sh'),
    `${program} --config ${it.folder}/orchestrator.conf.json 2>complaints ${line}\nprintf END\nread -r _\n`,
  );
  writeFileSync(
    path.join(it.folder, 'look.zsh'),
    "zmodload zsh/zpty\nzpty inner sh typed.sh\nzpty -r inner said '*END'\nprint -rn -- $said\nzpty -d inner\n",
  );
  const {status, stdout, stderr} = spawnSync(zsh, ['look.zsh'], {
    cwd: it.folder,
    env: {PATH: process.env['PATH'], HOME: it.folder, ...env},
    encoding: 'utf8',
    timeout: 60_000,
  });
  const complaints = readFileSync(path.join(it.folder, 'complaints'), 'utf8');
  expect({status, stderr, complaints}).toEqual({status: 0, stderr: '', complaints: ''});
  return stdout.replaceAll('\r\n', '\n').replace(/END$/, '');
}
