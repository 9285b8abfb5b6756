import {expect, test} from 'vitest';
import {COMMANDS} from '../../../src/command-map.ts';
import {optionsOf} from '../../../src/lib/operations/define.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {runCommandLine} from '../../../src/lib/surfaces/cli/command-line.ts';
import {MEANINGS} from '../../../src/lib/surfaces/cli/suggest.ts';
import type {Opened} from '../../../src/lib/surfaces/cli/program.ts';

interface Judged {
  readonly status: number;
  readonly stdout: string;
  readonly wrong: readonly string[];
}

/** Runs the command line in this process, with ports that must not be asked for. */
async function run(
  argv: readonly string[],
): Promise<{readonly status: number; readonly stdout: string; readonly stderr: string; readonly opened: boolean}> {
  const said = {stdout: '', stderr: '', opened: false};
  const io = {out: (text: string) => void (said.stdout += text), err: (text: string) => void (said.stderr += text), terminal: false};
  const ports = (): Opened => {
    said.opened = true;
    throw new Error('bad input must be refused before anything is opened');
  };
  const program = {io, operations: ALL, user: 'tester', ports};
  const facts = {name: 'orchestrator', version: '4.0.0', description: ''};
  const status = await runCommandLine(argv, {program, commands: COMMANDS, facts, build: {version: '4.0.0', revision: ''}});
  return {status, ...said};
}

/** A good refusal: one sentence that names the program and says what is expected, no stack, and nothing was opened. */
async function judge(argv: readonly string[], says: RegExp): Promise<Judged> {
  const {status, stdout, stderr, opened} = await run(argv);
  const faults = {
    [`does not say ${String(says)}: ${stderr}`]: !says.test(stderr),
    [`is not one line: ${stderr}`]: stderr.split('\n').length !== 2,
    'does not name the program': !stderr.startsWith('orchestrator: '),
    'has a stack': /unexpected|^ +at /m.test(stderr),
    'opened something': opened,
  };
  return {status, stdout, wrong: Object.keys(faults).filter((fault) => faults[fault])};
}

const refused = (status: number): Judged => ({status, stdout: '', wrong: []});
const words = (line: string): readonly string[] => line.split(' ');

const names = ALL.map((operation) => operation.name);
const having = (option: string): readonly string[] =>
  ALL.filter((one) => optionsOf(one).some(({name}) => name === option)).map(({name}) => name);

test.each(names)('%s with an option nobody knows', async (name) => {
  expect(await judge([...name.split(' '), '--nonsense'], /has no option --nonsense/)).toEqual(refused(2));
  expect(await judge(['-c', name, '--nonsense'], /has no option --nonsense/)).toEqual(refused(2));
});

test.each(names)('%s with a word too many', async (name) => {
  expect(await judge([...name.split(' '), 'one', 'two', 'three'], /does not know what to do with "(one|two|three)"/)).toEqual(refused(2));
});

test.each(names)('%s in a format nobody knows', async (name) => {
  expect(await judge([...name.split(' '), '--format', 'xml'], /--format "xml" is not a format/)).toEqual(refused(2));
});

test.each(having('instance').filter((name) => name !== 'replication-analysis'))('%s of a malformed instance', async (name) => {
  const needed = {
    reason: 'x',
    pattern: 'x',
    tag: 'x',
    seconds: '1',
    process: '1',
    binlog: 'bin.000001:4',
    destination: 'db2',
    from: 'db2',
    pool: 'app',
  };
  const rest = Object.entries(needed).flatMap(([option, value]) => (having(option).includes(name) ? [`--${option}`, value] : []));
  for (const instance of ['db1:0', 'db1:99999', 'db1:abc', 'a b!']) {
    expect(await judge([name, `--instance=${instance}`, ...rest], /is not an instance/)).toEqual(refused(2));
  }
  expect(await judge(['-c', name, '-i', 'db1:0', ...rest], /is not an instance/)).toEqual(refused(1));
});

/** Commands that ask why, and take no silence for an answer. */
const asking = ALL.filter((one) => Object.values(one.input).some((field) => field.required && field.options[0]?.name === 'reason'));

test.each(asking.map(({name}) => name))('%s without a reason', async (name) => {
  const subject = having('instance').includes(name) ? ['-i', 'db1'] : name === 'ack-recovery' ? ['1'] : [];
  expect(await judge([name, ...subject], /--reason is missing/)).toEqual(refused(2));
  expect(await judge([name, ...subject, '--reason', ' '], /--reason is missing/)).toEqual(refused(2));
});

test.each(having('duration').flatMap((name) => ['forever', '10', '-5m', '0s', '1.5h', '9999w', ''].map((given) => ({name, given}))))(
  '$name for $given',
  async ({name, given}) => {
    expect(await judge([name, '-i', 'db1', '--reason', 'x', `--duration=${given}`], /--duration .* is not a duration/)).toEqual(refused(2));
  },
);

test.each([
  {line: 'forget', status: 2, says: /--instance is missing/},
  {line: '-c forget', status: 1, says: /--instance is missing/},
  {line: 'search', status: 2, says: /--pattern is missing/},
  {line: 'find', status: 2, says: /--pattern is missing/},
  {line: 'find (', status: 2, says: /is not a regular expression/},
  {line: 'register-candidate -i db1 --promotion-rule must', status: 2, says: /"must" is not a promotion rule \(give one of prefer, /},
  {line: '-c register-candidate -i db1 --promotion-rule best', status: 1, says: /is not a promotion rule/},
  {line: 'recover -i db1 -d db2 -s db3', status: 2, says: /--destination and --sibling are the same option/},
  {line: 'recover -i db1 --wait soon', status: 2, says: /--wait "soon" is not a duration/},
  {line: 'recover -i db1 -d db2:0', status: 2, says: /is not an instance/},
  {line: 'recover-lite -i db1 --skip-hooks', status: 2, says: /has no option --skip-hooks/},
  {line: 'audit-recovery --page -1', status: 2, says: /--page "-1" is not a whole number/},
  {line: 'audit-recovery --id x', status: 2, says: /--id "x" is not a whole number/},
  {line: 'audit-recovery-steps', status: 2, says: /--uid is missing/},
  {line: 'ack-recovery --reason x', status: 2, says: /--recovery is missing/},
  {line: 'tag -i db1', status: 2, says: /--tag is missing/},
  {line: 'tag -i db1 -t ~role', status: 2, says: /"~role" is not a tag/},
  {line: 'tagged a,,b', status: 2, says: /"" is not a tag|--tag is missing/},
  {line: '-c untag-all -t role', status: 1, says: /--tag "role" has no value/},
  {line: 'unlock --force', status: 2, says: /--lock is missing/},
  {line: 'recovery resume', status: 2, says: /--uid is missing/},
  {line: 'recovery abort --reason x', status: 2, says: /--uid is missing/},
  {line: 'recovery undo 1:aa', status: 2, says: /"recovery" is not a command \(it goes on: recovery /},
  {line: 'config', status: 2, says: /"config" is not a command \(it goes on: config check, config schema\)/},
  {line: 'help --nonsense', status: 2, says: /--nonsense is not an option/},
  {line: 'replication-analysis --itself', status: 2, says: /--instance is missing/},
  {line: 'topology -i', status: 2, says: /-i needs a value/},
  {line: 'clusters --json=perhaps', status: 2, says: /is either on or off/},
  {line: 'topolgy', status: 2, says: /"topolgy" is not a command \(did you mean topology\?\)/},
  {line: 'downtime -i db1', status: 2, says: /did you mean begin-downtime, end-downtime\?/},
  {line: 'fail-over db1', status: 2, says: /did you mean graceful-master-takeover-auto, recover, force-master-failover\?/},
  {line: 'list', status: 2, says: /did you mean clusters, all-instances, topology\?/},
  {line: 'help topolgy', status: 2, says: /did you mean topology\?/},
  {line: '--cofnig x clusters', status: 2, says: /--cofnig is not an option \(did you mean --config\?\)/},
  {line: 'serve extra', status: 2, says: /does not know what to do with "extra"/},
])('$line', async ({line, status, says}) => {
  expect(await judge(words(line), says)).toEqual(refused(status));
});

test.each(names)('help %s', async (name) => {
  const {status, stdout, stderr} = await run(['help', ...name.split(' ')]);
  const operation = ALL.find((one) => one.name === name);
  expect({status, stderr}).toEqual({status: 0, stderr: ''});
  expect(stdout).toContain(operation?.about);
  for (const option of operation ? optionsOf(operation) : []) expect(stdout).toContain(`--${option.on ? '[no-]' : ''}${option.name}`);
  for (const status of Object.keys(operation?.exits ?? {})) expect(stdout).toMatch(new RegExp(`^ +${status}  `, 'm'));
});

test('help --json: all commands, or one', async () => {
  const all = await run(['help', '--json']);
  const told = JSON.parse(all.stdout) as {name: string}[];
  expect({...all, names: told.map(({name}) => name)}).toMatchObject({status: 0, stderr: '', names});
  const {stdout} = await run(['help', 'config', 'check', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({name: 'config check', changes: 'nothing', options: expect.any(Array) as unknown[]});
});

test('what is suggested for other words is there', () => {
  const names = ALL.map(({name}) => name);
  const suggested = Object.values(MEANINGS).flat();
  expect(suggested.filter((name) => !names.includes(name))).toEqual([]);
});
