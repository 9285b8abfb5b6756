import {beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {
  grabElection,
  observeLease,
  reelect,
  releaseLease,
  renewLease,
  takeLease,
  touchLease,
} from '../../../../src/lib/coordination/lease.ts';
import {mayTake, type Observation} from '../../../../src/lib/coordination/observation.ts';
import type {Timing} from '../../../../src/lib/coordination/timing.ts';
import type {Lease, NodeId} from '../../../../src/lib/coordination/types.ts';
import type {Backend} from '../../../../src/lib/store/backend.ts';
import {waitFor} from '../../../sandbox/index.ts';
import {node, unhurried, type Bench, type Extent} from '../coordination.ts';
import {OldNode} from '../old-node.ts';

/** What a lease must hold to, on a backend that several have open; each case on empty tables. */
export function leaseCases(on: () => Bench, extent: Extent = 'all'): void {
  let one: Backend;
  let two: Backend;
  let ann: NodeId;
  let bob: NodeId;

  beforeAll(async () => {
    const shared = on();
    [one, two] = [await shared.open(), await shared.open()];
  });
  beforeEach(async () => {
    await on().empty();
    [ann, bob] = [node('ann'), node('bob')];
  });

  const look = (backend: Backend, before?: Observation): Promise<Observation> => observeLease(backend, before, unhurried);
  const take = async (backend: Backend, me: NodeId, seen?: Observation): Promise<Lease | null> =>
    takeLease(backend, me, {seen: seen ?? (await look(backend)), timing: unhurried});
  const mustTake = async (backend: Backend, me: NodeId): Promise<Lease> => {
    const lease = await take(backend, me);
    if (lease === null) throw new Error('the lease was not free');
    return lease;
  };
  /** Looks as often as a follower does, until it may take. */
  const patience = (backend: Backend, seen: Observation, timing: Timing = unhurried): Promise<Observation> => {
    let known = seen;
    return waitFor('the row may be taken', async () => {
      known = await observeLease(backend, known, timing);
      return mayTake(known, timing, performance.now()) ? known : null;
    });
  };

  test('the first to ask leads, in term 1, for less than a lease', async () => {
    const before = performance.now();
    const lease = await mustTake(one, ann);
    expect(lease).toMatchObject({...ann, term: 1});
    expect(lease.validUntil).toBeLessThanOrEqual(performance.now() + unhurried.lease - unhurried.margin);
    expect(lease.validUntil).toBeGreaterThanOrEqual(before + unhurried.lease - unhurried.margin);
    expect((await look(two)).row).toMatchObject(ann);
  });

  test('of two who saw the same free row one takes it', async () => {
    const [seenByAnn, seenByBob] = [await look(one), await look(two)];
    const taken = await Promise.all([take(one, ann, seenByAnn), take(two, bob, seenByBob)]);
    expect(taken.filter((lease) => lease !== null)).toHaveLength(1);
    expect((await look(one)).term).toBe(1);
  });

  test('nobody takes over before a whole lease of standstill, and then with the next term', async () => {
    await mustTake(one, ann);
    const seen = await look(two);
    expect(await take(two, bob, seen)).toBeNull();
    const stood = await patience(two, seen);
    expect(performance.now() - seen.since).toBeGreaterThanOrEqual(unhurried.lease);
    expect(await take(two, bob, stood)).toMatchObject({...bob, term: 2});
  });

  test('who renewed meanwhile is not taken over, however long the observer waited', async () => {
    const lease = await mustTake(one, ann);
    const stood = await patience(two, await look(two));
    expect(await renewLease(one, lease, unhurried)).not.toBeNull();
    expect(await take(two, bob, stood)).toBeNull();
    expect((await look(one)).row).toMatchObject(ann);
  });

  test('two renewals within one second of the backend are two', async () => {
    const lease = await mustTake(one, ann);
    const first = await look(two);
    await renewLease(one, lease, unhurried);
    const second = await look(two, first);
    await renewLease(one, lease, unhurried);
    const third = await look(two, second);
    expect([second.row!.renewals, third.row!.renewals]).toEqual([first.row!.renewals + 1, first.row!.renewals + 2]);
    expect(third.since).toBeGreaterThan(second.since);
    expect(third.counts).toBe(true);
  });

  test('a renewal prolongs from before it was asked for, and fails at once when the row is somebody else’s', async () => {
    const lease = await mustTake(one, ann);
    const renewed = await renewLease(one, lease, unhurried);
    expect(renewed!.validUntil).toBeGreaterThan(lease.validUntil);
    expect(renewed!.validUntil).toBeLessThanOrEqual(performance.now() + unhurried.lease - unhurried.margin);
    await take(two, bob, await patience(two, await look(two)));
    expect(await renewLease(one, lease, unhurried)).toBeNull();
  });

  test('a released row is taken at once, by a 3.2.6 node too', async () => {
    const lease = await mustTake(one, ann);
    expect(await releaseLease(one, lease, unhurried)).toBe(true);
    expect(await releaseLease(one, lease, unhurried)).toBe(false);
    expect(await take(two, bob)).toMatchObject({...bob, term: 2});
    expect(await releaseLease(two, bob, unhurried)).toBe(true);
    const old = new OldNode(one, 'old');
    expect(await old.tick()).toBe(true);
    expect((await look(two)).row).toMatchObject({hostname: 'old', token: old.token});
  });

  describe('a write that only the leader may make', () => {
    const write = (backend: Backend, lease: Lease): Promise<boolean> =>
      backend.transaction(async (work) => {
        if (!(await touchLease(work, lease))) return false;
        await work
          .db('node_health_history')
          .insert({...ann, token: `${lease.term}`, first_seen_active: work.dialect.now(), extra_info: '', command: ''});
        return true;
      });
    const written = () => one.run(({db}) => db('node_health_history').pluck('token'));

    test('goes through in its term', async () => {
      expect(await write(one, await mustTake(one, ann))).toBe(true);
      expect(await written()).toEqual(['1']);
    });

    test('is refused under an old term, also on another connection', async () => {
      const lease = await mustTake(one, ann);
      await take(two, bob, await patience(two, await look(two)));
      expect(await write(one, lease)).toBe(false);
      expect(await write(two, lease)).toBe(false);
      expect(await written()).toEqual([]);
    });

    test('is refused under an older term of the same process', async () => {
      const lease = await mustTake(one, ann);
      await releaseLease(one, lease, unhurried);
      const again = await mustTake(one, ann);
      expect(again.term).toBe(2);
      expect(await write(one, lease)).toBe(false);
      expect(await write(one, again)).toBe(true);
      expect(await written()).toEqual(['2']);
    });

    test('and a takeover that is under way exclude each other', async () => {
      const lease = await mustTake(one, ann);
      const stood = await patience(two, await look(two));
      const outcomes = await Promise.all([write(one, lease), take(two, bob, stood)]);
      // the fenced write counts as a sign of life: whichever came first, the other did nothing
      expect(outcomes.filter((outcome) => outcome !== null && outcome !== false)).toHaveLength(1);
    });
  });

  if (extent === 'core') return;

  describe('beside a 3.2.6 node', () => {
    const slow: Timing = {...unhurried, lease: 1800, foreignLease: 2200};

    test('its row is left alone while its time moves, and taken a lease after it stopped', async () => {
      const old = new OldNode(one, 'old');
      expect(await old.tick()).toBe(true);
      const leads: boolean[] = [];
      let seen = await observeLease(two, undefined, slow);
      const until = performance.now() + 1.5 * slow.foreignLease;
      for (let ticked = performance.now(); performance.now() < until; seen = await observeLease(two, seen, slow)) {
        if (performance.now() - ticked > 1000) {
          leads.push(await old.tick());
          ticked = performance.now();
        }
        // Where this process was held up meanwhile it has stood still indeed.
        const now = performance.now();
        expect(now - ticked < slow.foreignLease && mayTake(seen, slow, now)).toBe(false);
      }
      expect(leads).not.toContain(false);
      const stood = await patience(two, seen, slow);
      expect(stood.counts).toBe(false);
      expect(performance.now() - stood.since).toBeGreaterThanOrEqual(slow.foreignLease);
      expect(await takeLease(two, bob, {seen: stood, timing: slow})).toMatchObject(bob);
      expect(await old.tick()).toBe(false);
    });

    test('it takes over from us by the clock of the backend, and we notice at the next renewal', async () => {
      const lease = await mustTake(one, ann);
      const old = new OldNode(two, 'old');
      expect(await old.tick()).toBe(false);
      await one.run(({db, dialect}) => db('active_node').update({last_seen_active: dialect.ago(6)}));
      expect(await old.tick()).toBe(true);
      expect(await renewLease(one, lease, unhurried)).toBeNull();
    });

    test.each(['grab', 'reelect'] as const)('its %s does not make a term repeat', async (act) => {
      const lease = await mustTake(one, ann);
      expect(lease.term).toBe(1);
      const old = new OldNode(two, 'old');
      await old[act]();
      expect(await renewLease(one, lease, unhurried)).toBeNull();
      const next = await take(two, bob, await patience(two, await look(two, await look(two))));
      expect(next).toMatchObject({...bob, term: 2});
      expect(await one.transaction((work) => touchLease(work, lease))).toBe(false);
    });

    test('after its reelect it may be elected itself: the row is its own again', async () => {
      await mustTake(one, ann);
      const old = new OldNode(two, 'old');
      await old.reelect();
      expect(await old.tick()).toBe(true);
      expect((await look(one)).row).toMatchObject({hostname: 'old', renewals: 0});
    });
  });

  test('a row that was deleted while we led is not taken before a whole lease', async () => {
    await mustTake(one, ann);
    const seen = await look(two);
    await new OldNode(two, 'old').reelect();
    const absent = await look(two, seen);
    expect(absent.row).toBeNull();
    expect(await take(two, bob, absent)).toBeNull();
    expect(await take(two, bob, await patience(two, absent))).toMatchObject({...bob, term: 2});
  });

  test('grabbing takes the row at once, but the lease only counts when the former holder must have noticed', async () => {
    const lease = await mustTake(one, ann);
    const {lease: grabbed, validFrom} = await grabElection(two, bob, {timing: unhurried});
    expect(grabbed).toMatchObject({...bob, term: 2});
    expect(validFrom).toBeGreaterThan(lease.validUntil);
    expect(await renewLease(one, lease, unhurried)).toBeNull();
    expect(await renewLease(two, grabbed, unhurried)).not.toBeNull();
  });

  test('grabbing a free row counts at once', async () => {
    const {lease, validFrom} = await grabElection(two, bob, {timing: unhurried});
    expect(lease.term).toBe(1);
    expect(validFrom).toBeLessThanOrEqual(performance.now());
  });

  test('grabbing a row that was given back counts at once', async () => {
    await releaseLease(one, await mustTake(one, ann), unhurried);
    const {lease, validFrom} = await grabElection(two, bob, {timing: unhurried});
    expect(lease.term).toBe(2);
    expect(validFrom).toBeLessThanOrEqual(performance.now());
  });

  test('grabbing a row that was deleted under its holder counts only when the holder must have noticed', async () => {
    const lease = await mustTake(one, ann);
    await new OldNode(two, 'old').reelect();
    const {lease: grabbed, validFrom} = await grabElection(two, bob, {timing: unhurried});
    expect(grabbed).toMatchObject({...bob, term: 2});
    expect(validFrom).toBeGreaterThan(lease.validUntil);
  });

  test('grabbing a free row does not count at once while the backend is not trusted', async () => {
    const seen = {...(await look(two)), regressedAt: performance.now()};
    const {lease, validFrom} = await grabElection(two, bob, {seen, timing: unhurried});
    expect(validFrom).toBeGreaterThan(lease.validUntil);
  });

  test('after reelect the former holder is deposed, and nobody follows before a whole lease', async () => {
    const lease = await mustTake(one, ann);
    await reelect(two, unhurried);
    expect(await renewLease(one, lease, unhurried)).toBeNull();
    const seen = await look(two);
    expect(await take(two, bob, seen)).toBeNull();
    expect(await take(two, bob, await patience(two, seen))).toMatchObject({...bob, term: 2});
  });

  test('a term that this process has seen never comes again, also when the backend lost it', async () => {
    let lease = await mustTake(one, ann);
    let seen = await look(two);
    for (let round = 0; round < 3; round += 1) {
      await releaseLease(one, lease, unhurried);
      lease = await mustTake(one, ann);
      seen = await look(two, seen);
    }
    expect(seen.term).toBe(4);
    await one.run(({db}) => db('leader_term').update({term: 2}));
    await releaseLease(one, lease, unhurried);
    const back = await look(two, seen);
    expect(await take(two, bob, back)).toBeNull(); // released, but nobody trusts it for a whole lease
    expect(await take(two, bob, await patience(two, back))).toMatchObject({term: 5});
  });
}
