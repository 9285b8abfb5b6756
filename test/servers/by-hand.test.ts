import {afterAll, afterEach, beforeAll, beforeEach, expect, test} from 'vitest';
import {acquireLock} from '../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../src/lib/coordination/lock/contention.ts';
import {keepLock, type KeptLock} from '../../src/lib/coordination/lock/keep.ts';
import {makeNodeId} from '../../src/lib/coordination/nodes.ts';
import {defaultTiming} from '../../src/lib/coordination/timing.ts';
import {ACCOUNTS, sandbox, type Instance, type Sandbox} from '../sandbox/index.ts';
import {
  backendHost,
  insert,
  recoveriesOf,
  rows,
  site,
  standingOf,
  stepsOf,
  topologyNow,
  watching,
  type BackendHost,
  type Site,
} from './support/index.ts';

/** What people do where no service runs, or where the one that ran has died in the middle of a recovery. */
const CREDENTIALS = `SELECT '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`;
let box: Sandbox;
let host: BackendHost;
let at: Site;
let a: Instance;
let b: Instance;
let c: Instance;

beforeAll(async () => {
  [box, host] = [await sandbox({flavor: 'mariadb'}), await backendHost('sqlite')];
});
beforeEach(async () => {
  ({a, b, c} = await box.topology('a: b c'));
  await insert(a, 1, 10);
  await box.caughtUp();
  at = await site({backend: host, servers: [a, b, c], settings: {ReplicationCredentialsQuery: CREDENTIALS}});
});
afterEach(() => at?.down());
afterAll(async () => {
  await box?.down();
  await host?.down();
});

const nameOf = ({key}: Instance): string => `${key.host}:${key.port}`;

/** Somebody else's work on the cluster, kept alive until it is released. */
async function work(purpose: string): Promise<KeptLock> {
  const backend = await at.backend();
  const wish = {me: makeNodeId('ann.example'), purpose, cluster: nameOf(a), instances: [a.key, b.key, c.key], timing: defaultTiming};
  const hold = await acquireLock({backend, ...wish});
  if (isContention(hold)) throw new Error(hold.purpose);
  return keepLock({backend, hold, timing: defaultTiming, onLost: () => undefined, log: () => undefined});
}

/** A service that dies in the middle of replacing a: before it points a sibling at the successor. Answers the recovery's UID. */
async function halfRecovered(): Promise<string> {
  const service = await at.serve({env: {ORCHESTRATOR_FAULT: 'before:5'}});
  await watching(at, a);
  await a.kill9();
  await service.ended();
  const [recovery] = await recoveriesOf(at);
  expect(recovery).toMatchObject({analysis: 'DeadMaster', end_recovery: null, is_successful: 0});
  return recovery!.uid;
}

test('what would happen if a source died is told beforehand, of one or of all, and nothing is changed', async () => {
  expect(await at.run('discover', '-i', [a, b, c].map(nameOf).join(','))).toMatchObject({status: 0});
  expect(await at.run('register-candidate', '-i', nameOf(c), '--promotion-rule', 'prefer')).toMatchObject({status: 0});
  const one = await at.run('simulate', '-i', nameOf(a), '--dead');
  expect({status: one.status, lines: one.stdout.split('\n').slice(0, 2)}).toEqual({
    status: 0,
    lines: [`if ${nameOf(a)} died: DeadMaster, recovered automatically`, `would promote ${nameOf(c)}`],
  });
  expect(await at.run('simulate', '--all')).toMatchObject({
    status: 0,
    stdout: `${nameOf(a)}\t${nameOf(a)}\trecoverable\tDeadMaster\tautomatic\t${nameOf(c)}\n`,
  });
  for (const replica of [b, c])
    expect(await at.run('register-candidate', '-i', nameOf(replica), '--promotion-rule', 'must_not')).toMatchObject({status: 0});
  const all = await at.run('simulate', '-i', nameOf(a), '--dead', '--json');
  expect({status: all.status, told: JSON.parse(all.stdout) as unknown}).toMatchObject({
    status: 1,
    told: [{rating: 'not recoverable', refused: {code: 'no-candidate'}}],
  });
  expect((await topologyNow([a, b, c])).name).toBe(a.name);
});

test('where no service looks, commands alone find, downtime, rearrange and fail over a cluster, and show what has become of it', async () => {
  await at.down();
  // What was seen is shown for as long as commands take.
  at = await site({backend: host, servers: [a, b, c], settings: {ReplicationCredentialsQuery: CREDENTIALS, InstancePollSeconds: 3600}});
  const tree = async (of: Instance): Promise<readonly string[]> => {
    const {stdout} = await at.run('topology', '-i', nameOf(of));
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ +\[\w+,(\w+),[^,]+,(r[ow]).*\]$/, ' $1 $2'));
  };
  expect(await at.run('discover', '-i', nameOf(a))).toMatchObject({status: 0, stdout: `${nameOf(a)}\n`});
  expect(await at.run('relocate', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({status: 0, stdout: `${nameOf(c)}<${nameOf(b)}\n`});
  expect(await at.run('begin-downtime', '-i', nameOf(c), '--reason', 'disk')).toMatchObject({status: 0});
  expect(await at.run('which-downtimed-instances')).toMatchObject({stdout: `${nameOf(c)}\n`});
  expect(await at.run('end-downtime', '-i', nameOf(c))).toMatchObject({status: 0});
  const whole = [`${nameOf(a)} ok rw`, `+ ${nameOf(b)} ok ro`, `  + ${nameOf(c)} ok ro`];
  expect(await tree(a)).toEqual(whole);
  // From the last of a chain everything is found as one cluster, too.
  expect(await at.run('forget-cluster', '-a', nameOf(a))).toMatchObject({status: 0});
  expect(await at.run('discover', '-i', nameOf(c))).toMatchObject({status: 0});
  expect(await tree(c)).toEqual(whole);
  expect(await at.run('graceful-master-takeover-auto', '-a', nameOf(a), '-d', nameOf(b))).toMatchObject({status: 0, stderr: ''});
  const below = [a, c].map(nameOf).sort();
  expect(await tree(b)).toEqual([`${nameOf(b)} ok rw`, ...below.map((one) => `+ ${one} ok ro`)]);
  // c was where it is: only its source has another role.
  expect(await at.run('clusters')).toMatchObject({stdout: `${nameOf(b)}\n`});

  await b.kill9();
  expect(await at.run('recover', '-i', nameOf(b))).toMatchObject({status: 0, stderr: ''});
  const heir = await topologyNow([a, c]);
  const other = heir.name === a.name ? c : a;
  expect(await tree(heir)).toEqual([`${nameOf(heir)} ok rw`, `+ ${nameOf(other)} ok ro`]);
});

test('recover finds somebody at work: it says who, what for and since when, or queues', async () => {
  expect(await at.run('discover', '-i', nameOf(a))).toMatchObject({status: 0});
  const lock = await work('relocation of b');
  await a.kill9();
  const {status, stdout, stderr} = await at.run('recover', '-i', nameOf(a));
  expect({status, stdout}).toEqual({status: 7, stdout: ''});
  expect(stderr).toMatch(
    /orchestrator: cluster 127\.0\.0\.1:\d+ is being changed by ann\.example \(relocation of b\) since \d{4}-\S+ \S+ \(.*--wait DURATION.*which-locks.*\)\n$/,
  );
  expect(await at.run('recover', '-i', nameOf(a), '--wait', '1s')).toMatchObject({status: 7, stdout: ''});
  expect(await recoveriesOf(at)).toEqual([]);

  const queued = at.run('recover', '-i', nameOf(a), '--wait', '60s');
  await box.waitFor('the second command is there', async () =>
    (await rows<{command: string}>(at, 'node_health')).some(({command}) => command === 'recover'),
  );
  await lock.release();
  const ended = await queued;
  const source = await topologyNow([b, c]);
  expect(ended).toMatchObject({status: 0, stdout: `${nameOf(source)}\n`});
  expect(await rows(at, 'cluster_lock')).toEqual([]);
});

test('a recovery that its service left half done is resumed by a command', async () => {
  const uid = await halfRecovered();
  const seen = await at.run('which-locks');
  expect(seen.stdout.trimEnd().split('\t').slice(6, 8)).toEqual(['still', uid]);
  const ended = await at.run('recovery', 'resume', uid);
  const source = await topologyNow([b, c]);
  expect(ended).toMatchObject({status: 0, stdout: `${nameOf(source)}\n`});
  expect(await recoveriesOf(at)).toMatchObject([{uid, is_successful: 1, successor_port: source.key.port, all_errors: ''}]);
  expect((await stepsOf(at, uid)).filter((step) => step.startsWith('resumed by'))).toHaveLength(1);
  expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
});

test('a recovery that its service left half done is given up, and a person begins anew', async () => {
  const uid = await halfRecovered();
  const contended = await at.run('recover', '-i', nameOf(a));
  expect(contended).toMatchObject({status: 7, stdout: ''});
  const {status, stdout, stderr} = await at.run('recovery', 'abort', uid, '--reason', 'I look after it');
  expect({status, stdout}).toEqual({status: 0, stdout: `${uid}\n`});
  expect(stderr).toMatch(/was given up; done before: .*; not done: .*end the recovery\n$/);
  expect(await recoveriesOf(at)).toMatchObject([{uid, is_successful: 0, end_recovery: expect.any(String) as string}]);
  expect((await Promise.all([b, c].map(standingOf))).map(({writable}) => writable)).toEqual([false, false]);
  // Nothing stands still because of it: all of them try to reach their source again.
  expect((await Promise.all([b, c].map(standingOf))).map(({receiver}) => receiver)).toEqual(['Connecting', 'Connecting']);
  expect(stderr.match(/may receive again/g)).toHaveLength(2);

  const again = await at.run('recover', '-i', nameOf(a));
  const source = await topologyNow([b, c]);
  expect(again).toMatchObject({status: 0, stdout: `${nameOf(source)}\n`});
});

test('a recovery whose lock is gone is given up by the leader, and nothing stands still because of it', async () => {
  const uid = await halfRecovered();
  const backend = await at.backend();
  for (const table of ['cluster_lock', 'cluster_lock_member', 'database_instance_maintenance'])
    await backend.run(({db}) => db(table).delete());
  // Else it would begin another one before one has looked.
  expect(await at.run('disable-global-recoveries')).toMatchObject({status: 0});
  const next = await at.serve();
  await box.waitFor('the plan has ended', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length === 0);
  await next.says(/is given up: its lock is gone.*may receive again/);
  expect(await recoveriesOf(at)).toMatchObject([{uid, is_successful: 0, end_recovery: expect.any(String) as string}]);
  expect((await Promise.all([b, c].map(standingOf))).map(({receiver}) => receiver)).toEqual(['Connecting', 'Connecting']);
  await box.waitFor('no lock is left', async () => (await rows(at, 'cluster_lock')).length === 0);
});
