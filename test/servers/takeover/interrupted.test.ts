import {afterAll, beforeAll, expect, test} from 'vitest';
import {takeoverActs} from '../../../src/lib/execute/takeover/document.ts';
import {planTakeover} from '../../../src/lib/plan/takeover/decide.ts';
import {given, key} from '../../unit/support/given.ts';
import {configured} from '../../unit/support/policy.ts';
import {sandbox, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, Crash, idsOn, rows, topologyNow, type BackendHost} from '../support/index.ts';
import {actName, conductor, type Conductor} from './conducting.ts';
import {sameIds, taking, type Taking} from './taking.ts';

/** A takeover whose conductor dies at each act, before its effect or between effect and record, and is ended by another process. */
let box: Sandbox;
let host: BackendHost;
let all: Taking;
let by: Conductor;
let source: Instance;
let next = 100;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
  all = await taking({box, host});
  by = await conductor(all.at);
  source = all.a;
}, 60_000);
afterAll(async () => {
  await by?.close();
  await all?.at.down();
  await Promise.all([box?.down(), host?.down()]);
});

/** Every act that such a takeover has, and what ends it: until the successor is open everything is taken back, from then on it is completed. */
function deaths(): readonly (readonly [when: 'before' | 'after', act: string, ending: 'failed' | 'promoted'])[] {
  const [from, to] = [key('a'), key('b')];
  const wish = {command: 'graceful-master-takeover-auto', designated: to, killWriters: false, allowDataLoss: false} as const;
  const topology = given('a: b c');
  const cluster = topology.get(from)?.cluster.name ?? '';
  const decision = planTakeover({topology, policy: configured(), wish: {...wish, cluster}, busy: []});
  if (!decision.act) throw new Error(decision.why.because);
  const acts = takeoverActs(decision.plan);
  const opened = acts.findIndex(({act}) => act.do === 'step' && act.step.do === 'open');
  const all = acts.flatMap((act, at) => {
    const name = actName(act.act);
    const before = ['before', name, at <= opened ? 'failed' : 'promoted'] as const;
    const after = ['after', name, at < opened ? 'failed' : 'promoted'] as const;
    // Of acts that follow each other with nothing written down in between, the end of one is the beginning of the next.
    return act.inTurn && acts[at - 1]?.inTurn ? [after] : [before, after];
  });
  // After its very last act nothing is left but a lock that goes stale.
  return all.slice(0, -1);
}

test.each(deaths())('its conductor dies %s %s: %s', async (when, act, ending) => {
  const {a, b, c, at} = all;
  const to = source === a ? b : a;
  const crash = by.takeOver({
    from: source,
    to,
    fault: (then, what) => {
      if (then === when && what === act) throw new Crash();
    },
  });
  await expect(crash).rejects.toBeInstanceOf(Crash);
  expect(await by.settle()).toMatchObject({outcome: ending});
  source = ending === 'promoted' ? to : source;
  expect(await topologyNow([a, b, c])).toBe(source);
  const id = next++;
  await source.query('INSERT INTO test.t (id) VALUES (?)', [id]);
  await sameIds(source, [a, b, c]);
  expect(await idsOn(source)).toContain(id);
  expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  const open = (await rows<{end_recovery: string | null}>(at, 'topology_recovery')).filter((row) => row.end_recovery === null);
  expect(open).toEqual([]);
});
