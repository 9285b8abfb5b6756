import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, stopReplication, type Flavor, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, holdApplier, idsOn, insert, rows, type BackendHost, type Site} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

/** Positions mean the same on all of them; only their words differ. */
describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])(
  'by file and position on $flavor',
  ({flavor}) => {
    let box: Sandbox;
    let host: BackendHost;
    let at: Site;
    beforeAll(async () => {
      [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
    });
    afterEach(() => at?.down());
    afterAll(() => Promise.all([box?.down(), host?.down()]));

    test('up and down a tree while somebody writes: no row is lost, none is applied twice', async () => {
      const servers = await box.topology('a: b c; c: d', {gtid: false});
      const {a, b, c, d} = servers;
      await insert(a, 1, 10);
      await box.caughtUp();
      at = await bench(host, [a, b, c, d]);
      const writer = await box.writer(a);

      expect(await at.run('relocate', '-i', nameOf(b), '-d', nameOf(c))).toEqual({
        status: 0,
        stdout: `${nameOf(b)}<${nameOf(c)}\n`,
        stderr: '',
      });
      expect(await following(servers)).toEqual({a: '-', b: 'c', c: 'a', d: 'c'});

      expect(await at.run('move-up-replicas', '-i', nameOf(c))).toMatchObject({status: 0, stderr: ''});
      expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'a', d: 'a'});

      expect(await at.run('take-siblings', '-i', nameOf(d))).toEqual({status: 0, stdout: `${nameOf(d)}\n`, stderr: ''});
      expect(await following(servers)).toEqual({a: '-', b: 'd', c: 'd', d: 'a'});

      expect(await at.run('take-master', '-i', nameOf(b))).toEqual({status: 0, stdout: `${nameOf(b)}\n`, stderr: ''});
      expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'd', d: 'b'});

      // c is two levels down: up past d and b, then below neither.
      expect(await at.run('relocate', '-i', nameOf(c), '-d', nameOf(a))).toEqual({
        status: 0,
        stdout: `${nameOf(c)}<${nameOf(a)}\n`,
        stderr: '',
      });
      expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'a', d: 'b'});

      await writer.stop();
      await sameRows(box, [a, b, c, d]);
      expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
    });
  },
);

describe('by file and position', () => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('siblings of a dead source that stand at the same place follow one of them; who lags behind is left for Pseudo-GTID', async () => {
    const servers = await box.topology('a: b c d', {gtid: false});
    const {a, b, c, d} = servers;
    await insert(a, 1, 5);
    await box.caughtUp();
    at = await bench(host, [a, b, c, d]);
    await stopReplication(d);
    await insert(a, 6, 9);
    await box.waitFor('b and c have all', async () => (await idsOn(b)).length === 9 && (await idsOn(c)).length === 9);
    await a.kill9();
    await box.waitFor('they have noticed', async () => !Object.values(await following({b, c})).some((source) => /^\d+$/.test(source)));

    const {status, stdout, stderr} = await at.run('regroup-replicas', '-i', nameOf(a));
    const [leader, follower] = stdout.startsWith(nameOf(b)) ? [b, c] : [c, b];
    expect({status, stdout}).toEqual({
      status: 0,
      stdout: `${nameOf(leader)}\n${nameOf(leader)} lost: 1, trivial: 1, pseudo-gtid: 0\n`,
    });
    expect(stderr).toMatch(/is left where it is \(needs-pseudo-gtid\): .* only Pseudo-GTID could match them/);
    expect(await following({leader, follower})).toMatchObject({follower: 'leader'});

    await leader.query('SET GLOBAL read_only = OFF');
    await insert(leader, 10, 12);
    await box.waitFor('one has what the other writes', async () => (await idsOn(follower)).length === 12);
  });

  test('a place that was the same before is known to be, as long as nobody goes on from there', async () => {
    const servers = await box.topology('a: b c', {gtid: false});
    const {a, b, c} = servers;
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await bench(host, [a, b, c]);
    expect(await at.run('move-equivalent', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/\(no-equivalence\)/) as unknown,
    });
    for (const [target, name] of [
      [b, 'b'],
      [a, 'a'],
    ] as const) {
      expect(await at.run('relocate', '-i', nameOf(c), '-d', nameOf(target))).toMatchObject({status: 0});
      expect(await following(servers)).toEqual({a: '-', b: 'a', c: name});
    }
    expect(await at.run('move-equivalent', '-i', nameOf(c), '-d', nameOf(b))).toMatchObject({
      status: 0,
      stdout: `${nameOf(c)}<${nameOf(b)}\n`,
    });
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b'});
    await insert(a, 4, 6);
    await sameRows(box, [a, b, c]);
    expect(await at.run('move-equivalent', '-i', nameOf(c), '-d', nameOf(a))).toMatchObject({status: 4});
  });

  test('nobody is moved past a source that is written to directly', async () => {
    const servers = await box.topology('a: b; b: c', {gtid: false, readOnlyReplicas: false});
    const {a, b, c} = servers;
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await bench(host, [a, b, c]);
    const release = await holdApplier(c);
    const writer = await box.writer(b);
    const {status, stderr} = await at.run('move-up', '-i', nameOf(c));
    await release();
    expect({status, stderr}).toEqual({status: 1, stderr: expect.stringMatching(/is written to directly/) as unknown});
    await writer.stop();
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b'});
    await sameRows(box, [b, c]);
  });
});
