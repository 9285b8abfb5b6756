import {setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import {BETWEEN_CONFIRMATIONS, confirmDead, type Look} from '../../../src/lib/execute/eyes/confirm.ts';
import {permitByHand} from '../../../src/lib/execute/eyes/permit.ts';
import type {Topology} from '../../../src/lib/model/topology.ts';
import {and, applierStopped, broken, down, full, given, key, stopped, type But} from '../support/given.ts';

const permit = permitByHand();
const SKETCH = 'a: b c';
const connecting: But = {replication: {receiver: {state: 'other', errno: 0, error: ''}}};
const silent: But = {reachable: false, check: {reach: 'silent'}};

/** A death is confirmed by glances. */
const unused = (): never => {
  throw new Error('look was called');
};

interface Eyes extends Look {
  readonly looks: number[];
  readonly restarted: string[];
}

/** Eyes that see one state of the servers after the other, the last one for ever; `after` is what a restart shows. */
function eyes(states: readonly Readonly<Record<string, But>>[], after?: Readonly<Record<string, But>>): Eyes {
  const looks: number[] = [];
  const restarted: string[] = [];
  const now = (): Topology =>
    given(SKETCH, restarted.length > 0 && after ? after : (states[Math.min(looks.length, states.length) - 1] ?? {}));
  return {
    looks,
    restarted,
    look: unused,
    async glance() {
      looks.push(performance.now());
      return now();
    },
    async restartReceiver(replica) {
      restarted.push(replica.key.host);
      return true;
    },
  };
}

const ask = (by: Look): ReturnType<typeof confirmDead> => confirmDead(by, {source: key('a'), topology: given(SKETCH)}, {permit});

describe('whether a source is dead', () => {
  test.each([
    {why: 'it refuses and all replicas say so', dead: true, states: [{a: down, b: broken, c: broken}]},
    {why: 'one replica agrees, the other is down itself', dead: true, states: [{a: down, b: broken, c: down}]},
    {why: 'one replica agrees, the other was stopped by a person', dead: true, states: [{a: down, b: broken, c: stopped}]},
    {why: 'it answers', dead: false, states: [{b: broken, c: broken}]},
    {why: 'it answers with an error of its own', dead: false, states: [{a: full, b: broken, c: broken}]},
    {why: 'all replicas were stopped by a person', dead: false, states: [{a: down, b: stopped, c: stopped}]},
    {why: 'nobody can be asked', dead: false, states: [{a: down, b: down, c: down}]},
    {why: 'it was dead at the first look and answers at the second', dead: false, states: [{a: down, b: broken, c: broken}, {}]},
  ])('$dead: $why', async ({states, dead}) => {
    expect((await ask(eyes(states))).dead).toBe(dead);
  });

  test('it looks twice, at least 50 ms apart', async () => {
    const by = eyes([{a: down, b: broken, c: broken}]);
    await ask(by);
    expect(by.looks).toHaveLength(2);
    expect((by.looks[1] ?? 0) - (by.looks[0] ?? 0)).toBeGreaterThanOrEqual(BETWEEN_CONFIRMATIONS - 1);
  });

  test('a replica that has not noticed yet is looked at again until it has', async () => {
    const dying = {a: down, b: broken};
    const by = eyes([dying, {...dying, c: connecting}, {...dying, c: broken}]);
    expect((await ask(by)).dead).toBe(true);
    expect(by.restarted).toEqual([]);
  });

  test('receivers that stay connected to a source that refuses us are not restarted, and it counts as alive', async () => {
    const by = eyes([{a: down}]);
    expect((await ask(by)).dead).toBe(false);
    expect(by.restarted).toEqual([]);
  });
});

describe('a death that was confirmed a moment ago', () => {
  const nobody = {a: down, b: down, c: down};
  const gone = {a: down, b: broken, c: broken};
  test.each([
    {why: 'still so', dead: true, looks: 1, states: [gone]},
    {why: 'nobody could be asked for a moment', dead: true, looks: 3, states: [nobody, nobody, gone]},
    {why: 'nobody can be asked any more', dead: false, looks: 3, states: [nobody]},
    {why: 'it answers', dead: false, looks: 1, states: [{b: broken, c: broken}]},
    {why: 'nobody could be asked, and then it answers', dead: false, looks: 2, states: [nobody, {b: broken, c: broken}]},
    {why: 'its replicas were stopped by a person', dead: false, looks: 1, states: [{a: down, b: stopped, c: down}]},
  ])('$why: $dead, after $looks looks', async ({states, looks, dead}) => {
    const by = eyes(states);
    const verdict = await confirmDead(by, {source: key('a'), topology: given(SKETCH)}, {permit, again: true});
    expect({dead: verdict.dead, looks: by.looks.length}).toEqual({dead, looks});
  });
});

describe('a silent source', () => {
  test('its replicas believe in it: their receivers are restarted, and none gets through', async () => {
    const by = eyes([{a: silent}], {a: silent, b: connecting, c: connecting});
    const verdict = await ask(by);
    expect(verdict.dead).toBe(true);
    expect(by.restarted).toEqual(['b', 'c']);
    expect([...verdict.handshakeOverdue].sort()).toEqual(['b:3306', 'c:3306']);
  });

  test('silent for us alone: the restarted receivers get through, and it lives', async () => {
    const by = eyes([{a: silent}], {a: silent});
    expect((await ask(by)).dead).toBe(false);
    expect(by.restarted).toEqual(['b', 'c']);
  });

  test.each([
    {why: 'it is being changed by somebody else', restart: () => Promise.resolve(false)},
    {why: 'it lets nobody in', restart: () => Promise.reject(new Error('access denied'))},
  ])('a replica whose receiver could not be restarted, since $why, says nothing of it', async ({restart}) => {
    const by = {...eyes([{a: silent, b: connecting, c: connecting}]), restartReceiver: restart};
    const verdict = await ask(by);
    expect({dead: verdict.dead, overdue: [...verdict.handshakeOverdue]}).toEqual({dead: false, overdue: []});
  });

  test('a receiver that was asked too soon is asked again, although another replica took long to answer', async () => {
    const by = eyes([{a: silent}], {a: silent, b: connecting, c: connecting});
    const looksAfter = {count: 0};
    const slowOnce: Look = {
      ...by,
      async glance(keys) {
        const seen = await by.glance(keys);
        if (by.restarted.length === 0) return seen;
        looksAfter.count += 1;
        if (looksAfter.count === 1) await sleep(1100);
        return looksAfter.count === 1 ? seen : given(SKETCH, {a: silent});
      },
    };
    const verdict = await ask(slowOnce);
    expect({dead: verdict.dead, overdue: [...verdict.handshakeOverdue]}).toEqual({dead: false, overdue: []});
  });

  test('a receiver that somebody stopped stays stopped', async () => {
    const by = eyes([{a: silent, c: stopped}], {a: silent, b: connecting, c: stopped});
    expect((await ask(by)).dead).toBe(true);
    expect(by.restarted).toEqual(['b']);
  });

  test('on MariaDB a receiver is not restarted while its applier is stopped: what it received would be gone', async () => {
    const restarted: string[] = [];
    const topology = given(SKETCH, {a: silent, b: and(applierStopped), c: and(applierStopped)}, {flavor: 'MariaDB'});
    const by: Look = {
      look: unused,
      glance: async () => topology,
      restartReceiver: async (replica) => restarted.push(replica.key.host) > 0,
    };
    expect((await ask(by)).dead).toBe(false);
    expect(restarted).toEqual([]);
  });
});
