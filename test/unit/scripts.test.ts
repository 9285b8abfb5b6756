import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {expect, test} from 'vitest';
import {ROOT} from './sources.ts';

function script(line: string): {status: number | null; stdout: string; stderr: string} {
  const [name = '', ...args] = line.split(' ');
  return spawnSync(path.join(ROOT, 'script', name), args, {encoding: 'utf8', timeout: 60_000});
}

test.each([
  {line: 'demo --flavour mysql9', says: /Unknown option '--flavour'/},
  {line: 'demo --flavor oracle', says: /--flavor takes one of mariadb, mysql9, mysql56/},
  {line: 'demo now', says: /takes no arguments/},
  {line: 'bench', says: /Say what to measure: failover, .*takeover, counter, silent, idle, command/},
  {line: 'bench toString', says: /Say what to measure/},
  {line: 'bench failover --runs 0', says: /--runs takes a whole number from 1/},
  {line: 'bench failover --runs', says: /argument missing/},
  {line: 'bench idle --backend postgres', says: /--backend takes one of sqlite, mariadb/},
  {line: 'chaos --backend oracle', says: /--backend takes one of galera, group, proxy/},
  {line: 'contention --backend sqlite', says: /--backend takes one of galera, group, proxy/},
  {line: 'chaos everything', says: /takes no arguments but options/},
])('script/$line is refused with one sentence', ({line, says}) => {
  const {status, stdout, stderr} = script(line);
  expect({status, stdout, lines: stderr.trim().split('\n').length}).toEqual({status: 2, stdout: '', lines: 1});
  expect(stderr).toMatch(says);
});

test.each(['demo', 'bench', 'chaos', 'contention'])('script/%s --help says what it takes', (name) => {
  const {status, stdout, stderr} = script(`${name} --help`);
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
  expect(stdout).toContain(`script/${name}`);
});
