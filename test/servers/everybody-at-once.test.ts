import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import {sandbox, type Instance, type Sandbox} from '../sandbox/index.ts';
import {fencesAt, logged} from './support/contention/contest.ts';
import {staleFences} from './support/contention/judge.ts';
import {
  backendHost,
  insert,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  topologyNow,
  watching,
  type BackendHost,
  type Site,
} from './support/index.ts';

let box: Sandbox;
let host: BackendHost;
let at: Site;

beforeAll(async () => {
  [box, host] = [await sandbox({flavor: 'mariadb'}), await backendHost('mariadb')];
});
afterEach(() => at?.down());
afterAll(async () => {
  await box?.down();
  await host?.down();
});

const nameOf = ({key}: Instance): string => `${key.host}:${key.port}`;
/** By exit status: a refusal says why; who is contended with is told with what for and since when. */
const SAYS: ReadonlyMap<number, RegExp> = new Map([
  [4, /^orchestrator: .+\n$/s],
  [7, /is being changed by \S+ \((recovery|relocate) of \S+\) since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d /],
]);

test('a source dies, and its leader, a person who replaces it and one who moves its replica begin at the same moment: one goes on', async () => {
  const {a, b, c, d} = await box.topology('a: b c d');
  await insert(a, 1, 10);
  await box.caughtUp();
  // Long enough that they meet.
  const servers = [a, b, c, d];
  at = await site({backend: host, servers, settings: {PreFailoverProcesses: ['sleep 1']}});
  const service = await at.serve();
  await watching(at, a);
  await logged([b, c, d]);
  await a.kill9();
  const [recover, relocate] = await Promise.all([at.run('recover', '-i', nameOf(a)), at.run('relocate', '-i', nameOf(d), '-d', nameOf(c))]);
  await recoveryOf(at, a, 60_000);

  const recoveries = await recoveriesOf(at);
  expect(recoveries).toMatchObject([{hostname: a.key.host, port: a.key.port, is_successful: 1, all_errors: ''}]);
  // Done, refused with a reason, or left to who was faster.
  const odd = [recover, relocate].filter(({status, stderr}) => !(status === 0 || SAYS.get(status ?? -1)?.test(stderr)));
  expect(odd).toEqual([]);
  // The person and the leader cannot both have done it, and one of them has.
  const done = recover.stdout.trim() !== '';
  expect(recover.status === 0).toBe(done);
  const [{uid} = {uid: ''}] = recoveries;
  if (!done) await service.says(new RegExp(`recovery ${uid} in cluster`));
  expect(service.log.includes(`recovery ${uid} in cluster`)).toBe(!done);

  const source = recoveries[0]?.successor_port;
  const [successor] = servers.filter(({key}) => key.port === source);
  // Who was moved while it could be stays where it was put.
  const below = relocate.status === 0 && successor !== c && successor !== d ? [b, c] : [b, c, d];
  await topologyNow(below, {within: 60_000});
  const fences = await Promise.all([b, c, d].map(async (server) => [server.name, await fencesAt(server)] as const));
  expect(fences.filter(([, sent]) => sent.length === 0)).toEqual([]);
  expect(staleFences(new Map(fences))).toEqual([]);
  await box.waitFor('nothing is left over', async () => {
    const left = await Promise.all([
      rows(at, 'cluster_lock'),
      rows(at, 'cluster_lock_member'),
      rows(at, 'cluster_lock_session'),
      rows(at, 'database_instance_maintenance', {maintenance_active: 1}),
      rows(at, 'recovery_plan', {state: 'open'}),
    ]);
    return left.flat().length === 0;
  });
});
