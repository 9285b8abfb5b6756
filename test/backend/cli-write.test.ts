import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {registerDetection} from '../../src/lib/store/recovery/detection-registration.ts';
import {writeRecoverySteps} from '../../src/lib/store/recovery/plans.ts';
import {recordSuccessor, registerRecovery, writeRecoveryEnd} from '../../src/lib/store/recovery/recovery-registration.ts';
import {given, key} from '../unit/support/given.ts';
import {cli, words, type Cli} from './support/cli.ts';

let it: Cli;

beforeEach(async () => {
  it = cli({AuditToBackendDB: true});
  await it.seed(given('a: b c'));
});

afterEach(() => it.down());

/** Runs a line, expects it to go well, and answers what it printed. */
async function say(line: string): Promise<string> {
  const {status, stdout, stderr} = await it.run(words(line));
  expect({line, status, stderr}).toEqual({line, status: 0, stderr: ''});
  return stdout;
}

const rows = async (table: string): Promise<readonly object[]> => (await it.backend()).run(({db}) => db<object>(table).select('*'));

test.each([['plain'], ['-c']])('a downtime begins, shows and ends (%s)', async (form) => {
  const c = form === '-c' ? '-c ' : '';
  expect(await say(`${c}begin-downtime -i b --duration 30m --reason "new disk" --owner ann`)).toBe('b:3306\n');
  expect(await rows('database_instance_downtime')).toMatchObject([
    {hostname: 'b', port: 3306, downtime_active: 1, owner: 'ann', reason: 'new disk'},
  ]);
  const [{seconds}] = (await (
    await it.backend()
  ).run(({db}) =>
    db('database_instance_downtime').select(db.raw("strftime('%s', end_timestamp) - strftime('%s', begin_timestamp) as seconds")),
  )) as [{seconds: number}];
  expect(seconds).toBe(1800);
  expect(await say('which-downtimed-instances')).toBe('b:3306\n');
  expect(await say(`${c}end-downtime -i b`)).toBe('b:3306\n');
  expect(await say(`${c}end-downtime -i b`)).toBe('b:3306\n');
  expect(await rows('database_instance_downtime')).toEqual([]);
});

test('a downtime without a duration lasts ten minutes', async () => {
  await say('begin-downtime -i b --reason x');
  const [downtimed] = JSON.parse(await say('which-downtimed-instances --json')) as [{wishes: {downtime: {remaining: number}}}];
  expect(downtimed.wishes.downtime.remaining).toBeGreaterThan(590);
  expect(downtimed.wishes.downtime.remaining).toBeLessThanOrEqual(600);
});

test('a downtime of something unknown is written, and said to be odd', async () => {
  const {status, stdout, stderr} = await it.run('begin-downtime -i typo -r x');
  expect({status, stdout}).toEqual({status: 0, stdout: 'typo:3306\n'});
  expect(stderr).toMatch(/^orchestrator: typo:3306 is not a known instance.*\n$/);
});

test('maintenance is exclusive', async () => {
  expect(await say('begin-maintenance -i b --reason schema')).toBe('b:3306\n');
  expect(await say('in-maintenance -i b')).toBe('b:3306\n');
  expect(await it.run('begin-maintenance -i b --reason again')).toMatchObject({status: 7, stdout: ''});
  expect(await it.run('-c begin-maintenance -i b --reason again')).toMatchObject({status: 1, stdout: ''});
  expect(await say('end-maintenance -i b')).toBe('b:3306\n');
  expect(await say('in-maintenance -i b')).toBe('');
  expect(await say('end-maintenance -i b')).toBe('b:3306\n');
});

test('maintenance is listed, and ended by its number', async () => {
  await say('begin-maintenance -i b --reason schema --owner ann');
  const [id = '', instance, owner, , , reason] = (await say('maintenance')).trimEnd().split('\t');
  expect([instance, owner, reason]).toEqual(['b:3306', 'ann', 'schema']);
  expect(await say(`end-maintenance --id ${id}`)).toBe('b:3306\n');
  expect(await it.run(`end-maintenance --id ${id}`)).toMatchObject({status: 3, stdout: ''});
  expect(await say('maintenance')).toBe('');
});

test.each([['plain'], ['-c']])('tags are put on, found and taken off (%s)', async (form) => {
  const c = form === '-c' ? '-c ' : '';
  expect(await say(`${c}tag -i b --tag role=db`)).toBe('b:3306\n');
  expect(await say(`${c}tag -i c -t role=backup`)).toBe('c:3306\n');
  expect(await say(`${c}tag -i c -t old`)).toBe('c:3306\n');
  expect(await say(`${c}tags -i c`)).toBe('old=\nrole=backup\n');
  expect(await say(`${c}tag-value -i c -t role`)).toBe('backup\n');
  expect(await say(`${c}tag-value -i b -t old`)).toBe('');
  expect(await say(`${c}tagged -t role,~old`)).toBe('b:3306\n');
  expect(await say(`${c}topology-tags -i c`)).toMatch(/\+ c:3306 .*\] \[old,role=backup\]\n$/);
  expect(await say(`${c}untag -i c -t role=db`)).toBe('');
  expect(await say(`${c}untag -i c -t old`)).toBe('c:3306\n');
  expect(await say(`${c}untag-all -t role=db`)).toBe('b:3306\n');
  expect(await say(`${c}tagged -t role`)).toBe('c:3306\n');
});

test('a server is put on the list without being looked at', async () => {
  expect(await say('async-discover -i 127.0.0.1:1')).toBe('127.0.0.1:1\n');
  expect(await say('which-cluster -i 127.0.0.1:1')).toBe('127.0.0.1:1\n');
});

test('forgetting takes an instance or a cluster out', async () => {
  expect(await say('forget -i b')).toBe('b:3306\n');
  expect(await say('which-cluster-instances -i a')).toBe('a:3306\nc:3306\n');
  expect(await it.run('forget -i b')).toMatchObject({status: 3, stdout: ''});
  expect(await it.run('-c forget -i b')).toMatchObject({status: 1, stdout: ''});
  expect(await say('forget-cluster -i c')).toBe('');
  expect(await say('clusters')).toBe('\n');
});

test('a candidate is registered with its rule', async () => {
  expect(await say('register-candidate -i b --promotion-rule must_not')).toBe('b:3306\n');
  expect(await say('-c register-candidate -i c')).toBe('c:3306\n');
  expect(await rows('candidate_database_instance')).toMatchObject([
    {hostname: 'b', promotion_rule: 'must_not'},
    {hostname: 'c', promotion_rule: 'prefer'},
  ]);
});

test('the kill switch', async () => {
  expect(await say('disable-global-recoveries')).toBe('OK: Orchestrator recoveries DISABLED globally\n');
  expect(await say('-c check-global-recoveries')).toBe('OK: Global recoveries disabled: true\n');
  expect(await say('-c enable-global-recoveries')).toBe('OK: Orchestrator recoveries ENABLED globally\n');
  expect(await say('check-global-recoveries')).toBe('OK: Global recoveries disabled: false\n');
});

/** A recovery that promoted b, as the program itself writes it. */
async function recovery(uid: string, host: string): Promise<void> {
  const node = {hostname: 'n', token: 't'};
  const cluster = `${host}:3306`;
  await (
    await it.backend()
  ).transaction(async (work) => {
    await registerRecovery(work, {
      uid,
      failed: key(host),
      analysis: 'DeadMaster',
      cluster,
      alias: cluster,
      replicas: [],
      node,
      forced: false,
    });
    await recordSuccessor(work, uid, {successor: key('b'), alias: ''});
    await writeRecoverySteps(work, uid, ['promoted b:3306']);
    await writeRecoveryEnd(work, uid, {lost: [], participating: [], errors: []});
  });
}

test('recoveries are listed, told and acknowledged', async () => {
  await recovery('1:aa', 'a');
  await recovery('2:bb', 'q');
  const listed = (await say('audit-recovery')).trim().split('\n');
  expect(listed.map((line) => line.split('\t').slice(1))).toEqual([
    ['q:3306', 'q:3306', 'DeadMaster', 'b:3306', 'promoted', '2:bb'],
    ['a:3306', 'a:3306', 'DeadMaster', 'b:3306', 'promoted', '1:aa'],
  ]);
  expect(await say('audit-recovery-steps 1:aa')).toMatch(/^\S+ \S+\tpromoted b:3306\n$/);
  expect(await say('audit-recovery --cluster q:3306 --page 1')).toBe('');
  expect(await say('ack-cluster-recoveries -i a --reason seen --owner ann')).toBe('1 recoveries acknowledged\n');
  expect(JSON.parse(await say('audit-recovery --uid 1:aa --json'))).toMatchObject([{acknowledged: {by: 'ann', comment: 'seen'}}]);
  expect(JSON.parse(await say('audit-recovery --unacknowledged --json'))).toMatchObject([{uid: '2:bb'}]);
  expect(await say('ack-instance-recoveries -i a --reason seen')).toBe('0 recoveries acknowledged\n');
  expect(await say('-c ack-all-recoveries --reason "all seen"')).toBe('1 recoveries acknowledged\n');
});

test('what was found, what is under way, and what was not begun', async () => {
  await recovery('1:aa', 'a');
  const node = {hostname: 'n', token: 't'};
  const failure = {analysis: 'DeadMaster', cluster: 'a:3306', alias: 'shop', replicas: [], node};
  const backend = await it.backend();
  await registerDetection(backend, {...failure, instance: key('a'), actionable: true}, () => Promise.resolve(true));
  await backend.transaction((work) => registerRecovery(work, {...failure, uid: '2:bb', failed: key('c'), forced: false}));
  expect(await say('audit-failure-detection')).toMatch(/^\S+ \S+\tshop\ta:3306\tDeadMaster\tn\tyes\t\n$/);
  expect(await say('blocked-recoveries')).toMatch(/^\S+ \S+\ta:3306\tc:3306\tDeadMaster\t1\n$/);
  expect(await say('audit-recovery --running')).toBe('');
  expect(await say('audit-recovery --recent --promoted b')).toMatch(/\t1:aa\n$/);
  expect(await say('audit-recovery --recent --promoted c')).toBe('');
  expect(await say('automated-recovery-filters')).toBe(
    'RecoverMasterClusterFilters:\nRecoverIntermediateMasterClusterFilters:\nRecoveryIgnoreHostnameFilters:\n',
  );
});

test('what was done is audited, in the backend and in the file where there is one', async () => {
  await it.run('begin-downtime -i b --reason disk --owner ann');
  expect(await rows('audit')).toMatchObject([
    {audit_type: 'begin-downtime', hostname: 'b', port: 3306, message: 'owner: ann, reason: disk'},
  ]);
  const own = cli({AuditLogFile: path.join(it.folder, 'audit.log')});
  await own.seed(given('a: b'));
  await own.run('forget -i b');
  expect(await readFile(path.join(it.folder, 'audit.log'), 'utf8')).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\tforget\tb\t3306\t\[\]\t\t\n$/,
  );
  await own.down();
});

test('a command that changes servers is registered as a node, unless it is told not to be; one that is over at once is not', async () => {
  await it.run('recover -i nobody:1 --skip-continuous-registration');
  await say('clusters');
  expect(await rows('node_health')).toEqual([]);
  await it.run('recover -i nobody:1');
  expect(await rows('node_health')).toMatchObject([{extra_info: 'CLIMode', command: 'recover', db_backend: it.dataFile}]);
  expect(await say('active-nodes')).toMatch(/\tCLIMode\trecover\n/);
});

test('the schema is deployed by any command, and again on demand', async () => {
  const own = cli({SkipOrchestratorDatabaseUpdate: true});
  expect(await own.run('clusters')).toMatchObject({status: 5, stdout: ''});
  expect(await own.run('redeploy-internal-db')).toEqual({status: 0, stdout: 'Redeployed internal db\n', stderr: ''});
  expect(await own.run('clusters')).toMatchObject({status: 0});
  await own.down();
});
