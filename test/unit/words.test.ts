import {globSync, readFileSync, statSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {ANALYSIS_CODES, STRUCTURE_CODES} from '../../src/lib/analysis/codes.ts';
import {KEYS} from '../../src/lib/config/keys.ts';
import {ROOT} from './sources.ts';

/** The two words that are ours nowhere, and stay where servers, tables, configuration and scripts of others spell them so. */
const OLD_WORDS = /master|slave/i;

/** Where names come from outside, and why (docs/decisions/0006). A path ending in `/` is a folder. */
const WIRE_NAMES: readonly {readonly path: string; readonly because: string}[] = [
  {path: 'src/lib/flavor/', because: 'statements, variables and columns of servers'},
  {path: 'src/lib/store/', because: 'tables and columns of the backend, shared with 3.2.6'},
  {path: 'src/lib/coordination/', because: 'statements on those tables'},
  {path: 'src/lib/config/', because: 'configuration keys'},
  {path: 'src/lib/analysis/', because: 'finding codes, which hooks match on'},
  {path: 'src/lib/surfaces/', because: 'JSON keys, routes and command names of 3.2.6'},
  {path: 'src/lib/operations/', because: 'former names of commands'},
  {path: 'src/commands/', because: 'former names of commands'},
  {path: 'src/command-map.ts', because: 'names of commands'},
  {path: 'bin/orchestrator-client', because: 'command names, routes and JSON keys of 3.2.6'},
  {path: 'script/generate', because: 'writes some of the above'},
  {path: 'src/lib/hooks/', because: 'placeholders and ORC_* variables, which hooks read'},
];

/** Wire names that every room speaks: finding codes, configuration keys, what hooks are told, variables of servers (ours have no underscores). */
const HOOK_FACTS = ['autoMasterRecovery', 'autoIntermediateMasterRecovery', 'intermediate-master', 'co-master'];
/** Commands by their names, as hints tell people what to do next. */
const COMMAND_NAMES = [
  'take-master',
  'make-master',
  'make-local-master',
  'make-co-master',
  'reattach-replica-master-host',
  'graceful-master-takeover',
  'force-master-failover',
  'force-master-takeover',
];
const VOCABULARY = [...ANALYSIS_CODES, ...STRUCTURE_CODES, ...Object.keys(KEYS), ...HOOK_FACTS, ...COMMAND_NAMES].sort(
  (a, b) => b.length - a.length,
);
const VARIABLE = /\b[a-z]+(_[a-z0-9]+)+\b/g;

/** Lines that use the words as words of our own. */
function strays(text: string): readonly string[] {
  const ours = (line: string): string => VOCABULARY.reduce((rest, word) => rest.replaceAll(word, ''), line).replace(VARIABLE, '');
  return text
    .split('\n')
    .map((line, at) => ({line, at: at + 1}))
    .filter(({line}) => OLD_WORDS.test(line) && OLD_WORDS.test(ours(line)))
    .map(({line, at}) => `${at}: ${line.trim()}`);
}

const files = globSync(['src/**/*.ts', 'script/**/*', 'bin/*'], {cwd: ROOT})
  .filter((file) => statSync(path.join(ROOT, file)).isFile())
  .map((file) => file.replaceAll(path.sep, '/'))
  .filter((file) => !WIRE_NAMES.some((one) => file.startsWith(one.path)))
  .sort();

test.each(files)('%s speaks of sources and replicas', (file) => {
  expect(strays(readFileSync(path.join(ROOT, file), 'utf8'))).toEqual([]);
});

test.each([
  {line: 'const master = 1;', stray: true},
  {line: 'the Slaves of it', stray: true},
  {line: "case 'DeadMaster':", stray: false},
  {line: 'config.RecoverMasterClusterFilters', stray: false},
  {line: 'MariaDB @@gtid_slave_pos', stray: false},
  {line: 'config.RecoverMasterClusterFilters.map((master) => 1)', stray: true},
])('$line is a stray: $stray', ({line, stray}) => {
  expect(strays(line)).toHaveLength(stray ? 1 : 0);
});
