import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {fillPlaceholders, hookFacts, hookVariables, placeholdersOf, type HookFacts} from '../../src/lib/hooks/facts.ts';
import {BoundedOutput} from '../../src/lib/hooks/output.ts';
import {
  failedHook,
  hookError,
  hooksOf,
  runHooks,
  runTakeoverHooks,
  type HookList,
  type HookOutcome,
  type HookRun,
} from '../../src/lib/hooks/run.ts';
import {configured} from './support/policy.ts';

const known = {
  failureType: 'DeadMaster',
  instanceType: 'master',
  failed: {host: 'db1', port: 3306},
  cluster: 'db1:3306',
  orchestratorHost: 'orc1',
  recoveryUid: 'uid-1',
} as const;

const fill = (text: string, facts: HookFacts): string => fillPlaceholders(text, placeholdersOf(facts));

const full: HookFacts = hookFacts({
  ...known,
  failureDescription: 'it is gone',
  clusterAlias: 'payments',
  clusterDomain: 'pay.example.com',
  command: 'force-master-failover',
  countReplicas: 3,
  replicas: [
    {host: 'db2', port: 3306},
    {host: 'fe80::1', port: 3307},
  ],
  lost: [{host: 'db3', port: 3306}],
  isDowntimed: true,
  autoMasterRecovery: true,
  attempt: 2,
  successor: {key: {host: 'db2', port: 3306}, alias: 'two', coordinates: {file: 'bin.000002', position: 4}},
});

/** Everything a hook of 3.2.6 is told, and what it is here. */
const TOLD = [
  ['{failureType}', 'ORC_FAILURE_TYPE', 'DeadMaster'],
  ['{instanceType}', 'ORC_INSTANCE_TYPE', 'master'],
  ['{isMaster}', 'ORC_IS_MASTER', 'true'],
  ['{isCoMaster}', 'ORC_IS_CO_MASTER', 'false'],
  ['{failureDescription}', 'ORC_FAILURE_DESCRIPTION', 'it is gone'],
  ['{command}', 'ORC_COMMAND', 'force-master-failover'],
  ['{failedHost}', 'ORC_FAILED_HOST', 'db1'],
  ['{failedPort}', 'ORC_FAILED_PORT', '3306'],
  ['{failureCluster}', 'ORC_FAILURE_CLUSTER', 'db1:3306'],
  ['{failureClusterAlias}', 'ORC_FAILURE_CLUSTER_ALIAS', 'payments'],
  ['{failureClusterDomain}', 'ORC_FAILURE_CLUSTER_DOMAIN', 'pay.example.com'],
  ['{countSlaves}', 'ORC_COUNT_REPLICAS', '3'],
  ['{countReplicas}', 'ORC_COUNT_REPLICAS', '3'],
  ['{isDowntimed}', 'ORC_IS_DOWNTIMED', 'true'],
  ['{autoMasterRecovery}', 'ORC_AUTO_MASTER_RECOVERY', 'true'],
  ['{autoIntermediateMasterRecovery}', 'ORC_AUTO_INTERMEDIATE_MASTER_RECOVERY', 'false'],
  ['{orchestratorHost}', 'ORC_ORCHESTRATOR_HOST', 'orc1'],
  ['{recoveryUID}', 'ORC_RECOVERY_UID', 'uid-1'],
  ['{isSuccessful}', 'ORC_IS_SUCCESSFUL', 'true'],
  ['{lostSlaves}', 'ORC_LOST_REPLICAS', 'db3:3306'],
  ['{lostReplicas}', 'ORC_LOST_REPLICAS', 'db3:3306'],
  ['{countLostReplicas}', '', '1'],
  ['{slaveHosts}', 'ORC_REPLICA_HOSTS', 'db2:3306,[fe80::1]:3307'],
  ['{replicaHosts}', 'ORC_REPLICA_HOSTS', 'db2:3306,[fe80::1]:3307'],
  ['{successorHost}', 'ORC_SUCCESSOR_HOST', 'db2'],
  ['{successorPort}', 'ORC_SUCCESSOR_PORT', '3306'],
  ['{successorAlias}', 'ORC_SUCCESSOR_ALIAS', 'two'],
  ['{successorBinlogCoordinates}', 'ORC_SUCCESSOR_BINLOG_COORDINATES', 'bin.000002:4'],
] as const;

/** As the documentation has it: lists before something is done stop it, lists after it only tell. */
test.each<[HookList, boolean]>([
  ['OnFailureDetectionProcesses', true],
  ['PreGracefulTakeoverProcesses', true],
  ['PreFailoverProcesses', true],
  ['PostMasterFailoverProcesses', false],
  ['PostIntermediateMasterFailoverProcesses', false],
  ['PostFailoverProcesses', false],
  ['PostUnsuccessfulFailoverProcesses', false],
  ['PostGracefulTakeoverProcesses', false],
  ['PostTakeMasterProcesses', false],
  ['PostReturnedSourceProcesses', false],
])('%s: a failure stops what it precedes: %s', (list, stops) => {
  expect(hooksOf(configured({[list]: ['true'], HookTimeoutSeconds: 7}), list)).toMatchObject({stopOnFailure: stops, timeout: 7000});
  expect(hooksOf(configured(), list)).toBeNull();
});

describe('what a hook is told', () => {
  test('28 placeholders, 24 variables and the attempt, and nothing else', () => {
    const variables = new Set(TOLD.map(([, variable]) => variable).filter((variable) => variable !== ''));
    expect([TOLD.length, variables.size]).toEqual([28, 24]);
    expect(Object.keys(hookVariables(full)).sort()).toEqual([...variables, 'ORC_RECOVERY_ATTEMPT'].sort());
    expect(hookVariables(full)['ORC_RECOVERY_ATTEMPT']).toBe('2');
  });

  test.each(TOLD)('%s and %s are %s', (placeholder, variable, text) => {
    expect(fill(`<${placeholder}${placeholder}>`, full)).toBe(`<${text}${text}>`);
    expect(variable === '' ? text : hookVariables(full)[variable]).toBe(text);
  });

  test('without a successor its placeholders stay and its variables are absent', () => {
    const facts = hookFacts(known);
    expect(fill('{successorHost}:{successorPort} {successorAlias} {successorBinlogCoordinates} {isSuccessful}', facts)).toBe(
      '{successorHost}:{successorPort} {successorAlias} {successorBinlogCoordinates} false',
    );
    expect(Object.keys(hookVariables(facts)).filter((name) => name.startsWith('ORC_SUCCESSOR'))).toEqual([]);
  });

  test('a successor whose coordinates are not known yet has no coordinates', () => {
    const facts = hookFacts({...known, successor: {key: {host: 'db2', port: 1}, alias: '', coordinates: null}});
    expect(fill('{successorHost} {successorBinlogCoordinates}', facts)).toBe('db2 {successorBinlogCoordinates}');
    expect(Object.keys(hookVariables(facts))).not.toContain('ORC_SUCCESSOR_BINLOG_COORDINATES');
  });

  test('unknown placeholders stay, and what a value contains is not looked at again', () => {
    const facts = hookFacts({...known, failureDescription: '{failedHost} $& $1'});
    expect(fill('{nobody} {FailedHost} ${HOME} {failureDescription}', facts)).toBe('{nobody} {FailedHost} ${HOME} {failedHost} $& $1');
  });

  test.each([
    {instanceType: 'master', is: 'true false'},
    {instanceType: 'co-master', is: 'false true'},
    {instanceType: 'intermediate-master', is: 'false false'},
  ] as const)('$instanceType is $is', ({instanceType, is}) => {
    expect(fill('{isMaster} {isCoMaster}', hookFacts({...known, instanceType}))).toBe(is);
  });
});

describe('bounded output', () => {
  test.each([1, 7, 4096, 32 * 1024, 32 * 1024 + 1, 100_000, 300_000])('in pieces of %i bytes', (size) => {
    const whole = Buffer.from(Array.from({length: 40_000}, (_, index) => String(index).padStart(6, '0')).join(' ')); // 280 kB, no two places alike
    for (const length of [0, 5, 32_768, 65_536, 65_537, whole.length]) {
      const output = new BoundedOutput();
      const text = whole.subarray(0, length);
      for (let at = 0; at < length; at += size) output.add(text.subarray(at, Math.min(length, at + size)));
      const dropped = Math.max(0, length - 65_536);
      const middle = dropped === 0 ? [text.subarray(32_768)] : [Buffer.from(`\n[… ${dropped} bytes left out …]\n`), text.subarray(-32_768)];
      const expected = Buffer.concat([text.subarray(0, 32_768), ...middle]).toString();
      expect(output.droppedBytes).toBe(dropped);
      expect(output.text === expected, `${length} bytes`).toBe(true);
    }
  });
});

describe('running hooks', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-hooks-'));
  });
  afterEach(() => rmSync(folder, {recursive: true, force: true}));

  const written = (name: string): string => readFileSync(path.join(folder, name), 'utf8').trim();
  const appears = (name: string): Promise<boolean> =>
    vi.waitUntil(() => existsSync(path.join(folder, name)) && written(name) !== '', {timeout: 5000});

  async function run(
    commands: readonly string[],
    more: Partial<HookRun> = {},
  ): Promise<{outcomes: readonly HookOutcome[]; steps: string[]}> {
    const steps: string[] = [];
    const env = {...process.env, T: folder, ...more.env};
    const onStep = (step: string): void => void steps.push(step);
    const base = {list: 'PreFailoverProcesses', shell: 'bash', stopOnFailure: true, timeout: 20_000, onStep} as const;
    return {outcomes: await runHooks({...base, ...more, commands, facts: full, env}), steps};
  }

  test('one after the other, each said at its start and end', async () => {
    const {outcomes, steps} = await run([
      '  sleep 0.1; echo "{failedHost} $ORC_FAILED_PORT" >>$T/out ',
      'echo second >>$T/out; echo printed; echo badly >&2',
    ]);
    expect(written('out')).toBe('db1 3306\nsecond');
    expect(outcomes).toMatchObject([
      {how: 'ok', exitCode: 0, number: 1, output: '', problem: null, command: 'sleep 0.1; echo "db1 $ORC_FAILED_PORT" >>$T/out'},
      {how: 'ok', number: 2, droppedBytes: 0},
    ]);
    expect(steps.at(-1)).toMatch(/ s: (printed badly|badly printed)$/);
    expect(outcomes[1]?.output.split('\n').sort()).toEqual(['', 'badly', 'printed']);
    expect(steps.map((step) => step.replace(/[0-9.]+ s(: .*)?$/, 'N s'))).toEqual([
      'PreFailoverProcesses: hook 1 of 2 starts: sleep 0.1; echo "db1 $ORC_FAILED_PORT" >>$T/out',
      'PreFailoverProcesses: hook 1 of 2 succeeded after N s',
      'PreFailoverProcesses: hook 2 of 2 starts: echo second >>$T/out; echo printed; echo badly >&2',
      'PreFailoverProcesses: hook 2 of 2 succeeded after N s',
    ]);
    expect(failedHook(outcomes)).toBeUndefined();
  });

  test.each([
    {raw: false, printed: 'a b; echo c'},
    {raw: true, printed: 'a b\nc'},
  ])('a value stays one word; HookRawPlaceholders $raw lets it be more', async ({raw, printed}) => {
    const facts = {...full, failureDescription: 'a b; echo c'};
    const hooks = hooksOf(
      configured({PreFailoverProcesses: ['echo {failureDescription}'], HookRawPlaceholders: raw}),
      'PreFailoverProcesses',
    );
    const [outcome] = await runHooks({...hooks!, facts, onStep: () => undefined});
    expect(outcome).toMatchObject({how: 'ok', output: `${printed}\n`});
  });

  test('no hooks: one step that says so', async () => {
    expect(await run([' '])).toEqual({outcomes: [], steps: ['PreFailoverProcesses: there are none']});
  });

  test('the shell is given a file of mode 0640, and the file is gone afterwards', async () => {
    await run(['echo $0 >$T/file; stat -c %a $0 >$T/mode'], {shell: 'sh'});
    expect(path.basename(written('file'))).toMatch(/^orchestrator-process-cmd-/);
    expect(written('mode')).toBe('640');
    expect(existsSync(written('file'))).toBe(false);
  });

  test('a failing hook stops the rest where that is asked for', async () => {
    const {outcomes, steps} = await run(['exit 0', 'echo why; exit 3', 'touch $T/third']);
    expect(outcomes).toMatchObject([{how: 'ok'}, {how: 'failed', exitCode: 3, problem: 'ended with status 3'}]);
    expect(existsSync(path.join(folder, 'third'))).toBe(false);
    expect(steps.slice(-2)).toEqual([
      expect.stringMatching(/hook 2 of 3 ended with status 3 after/),
      'PreFailoverProcesses: the remaining 1 are not run',
    ]);
    const failed = failedHook(outcomes);
    expect(failed && hookError(failed)).toMatchObject({
      code: 'HOOK_FAILED',
      message: 'hook 2 of PreFailoverProcesses ended with status 3',
      hint: 'it printed: why',
    });
  });

  test('elsewhere the rest runs, and the first failure is the one reported', async () => {
    const {outcomes} = await run(['kill -9 $$', 'exit 4', 'touch $T/third'], {stopOnFailure: false});
    expect(outcomes.map(({how, signal}) => [how, signal])).toEqual([
      ['failed', 'SIGKILL'],
      ['failed', null],
      ['ok', null],
    ]);
    expect(failedHook(outcomes)).toMatchObject({number: 1, problem: 'was ended by SIGKILL'});
    expect(existsSync(path.join(folder, 'third'))).toBe(true);
  });

  test.each([
    {what: 'a shell that does not exist', more: {shell: '/nonexistent/sh'}, says: /^could not be started with \/nonexistent\/sh: .*ENOENT/},
    {what: 'an environment that cannot be passed', more: {env: {X: 'a\0b'}}, says: /^could not be started: /},
  ])('$what fails the hook, not the caller', async ({more, says}) => {
    const {outcomes} = await run(['true'], more);
    expect(outcomes).toMatchObject([{how: 'not-started', exitCode: null, problem: expect.stringMatching(says) as unknown}]);
    expect(failedHook(outcomes)).toBeDefined();
  });

  test('one that hangs is killed with all that it started, even what ignores the first signal', async () => {
    const hang = 'trap "" TERM; (trap "" TERM; echo $BASHPID >$T/child; sleep 60) & echo started; while true; do sleep 1; done';
    const {outcomes} = await run([hang], {timeout: 300});
    expect(outcomes).toMatchObject([{how: 'timed-out', output: 'started\n', problem: 'was killed after 0.3 s'}]);
    await vi.waitUntil(() => !existsSync(`/proc/${written('child')}`), {timeout: 5000});
  });

  test('what the shell leaves behind dies too when it was the shell that was late', async () => {
    const {outcomes} = await run(['(trap "" TERM; echo $BASHPID >$T/child; exec sleep 60) & wait'], {timeout: 300});
    expect(outcomes).toMatchObject([{how: 'timed-out', signal: 'SIGTERM'}]);
    await vi.waitUntil(() => !existsSync(`/proc/${written('child')}`), {timeout: 5000});
  });

  test('one that leaves a process behind with its output open has ended nevertheless', async () => {
    const {outcomes} = await run(['sleep 60 & echo $! >$T/child; echo done']);
    expect(outcomes).toMatchObject([{how: 'ok', output: 'done\n'}]);
    expect(outcomes[0]?.took).toBeLessThan(5000);
    process.kill(Number(written('child'))); // still there: only a hook that is late is killed
  });

  test('200 MB of output are read, counted and not kept', async () => {
    const before = process.memoryUsage().rss;
    const {outcomes} = await run(['echo first; head -c 200000000 /dev/zero | tr "\\0" x; echo; echo last']);
    const {output = '', droppedBytes} = outcomes[0] ?? {};
    expect(outcomes).toMatchObject([{how: 'ok'}]);
    expect([output.startsWith('first\nxxx'), output.endsWith('xxx\nlast\n')]).toEqual([true, true]);
    expect(output).toContain(`[… ${droppedBytes} bytes left out …]`);
    expect(droppedBytes).toBe(200_000_012 - 64 * 1024);
    expect(output.length).toBeLessThan(66 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test('one that ends in & is not waited for, and its failure matters to nobody', async () => {
    const ended: HookOutcome[] = [];
    const {outcomes, steps} = await run(
      ['until [ -e $T/go ]; do sleep 0.01; done; echo {failedHost} >$T/slow; exit 7 && ', 'touch $T/go'],
      {
        onBackgroundEnd: (outcome) => void ended.push(outcome),
      },
    );
    expect(outcomes.map(({how}) => how)).toEqual(['background', 'ok']);
    expect(failedHook(outcomes)).toBeUndefined();
    expect(steps[0]).toMatch(/^PreFailoverProcesses: hook 1 of 2 starts in the background: until .*exit 7$/);
    await appears('slow');
    await vi.waitUntil(() => ended.length === 1, {timeout: 5000});
    expect(ended).toMatchObject([{how: 'failed', exitCode: 7, number: 1}]);
    expect(written('slow')).toBe('db1');
  });

  test('PostTakeMasterProcesses know no placeholders; the two instances are arguments and variables', async () => {
    const taken = {successor: {host: 'db2', port: 3306}, demoted: {host: 'db1', port: 3307}};
    const outcomes = await runTakeoverHooks({
      list: 'PostTakeMasterProcesses',
      taken,
      uid: 'uid-1',
      attempt: 2,
      commands: [
        'echo "$1 $2 $ORC_SUCCESSOR_HOST $ORC_FAILED_HOST {successorHost} [$ORC_FAILURE_TYPE]"',
        'echo "$ORC_RECOVERY_UID $ORC_RECOVERY_ATTEMPT"',
      ],
      shell: 'bash',
      stopOnFailure: false,
      onStep: () => undefined,
    });
    expect(outcomes).toMatchObject([
      {list: 'PostTakeMasterProcesses', output: 'db2:3306 db1:3307 db2:3306 db1:3307 {successorHost} []\n'},
      {output: 'uid-1 2\n'},
    ]);
  });

  test('what the journal throws ends the run before the next hook', async () => {
    const onStep = (step: string): void => {
      if (step.includes('succeeded')) throw new Error('journal is gone');
    };
    await expect(run(['true', 'touch $T/second'], {onStep})).rejects.toThrow('journal is gone');
    expect(existsSync(path.join(folder, 'second'))).toBe(false);
  });
});
