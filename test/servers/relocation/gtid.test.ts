import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {ACCOUNTS, sandbox, type Flavor, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, insert, rows, type BackendHost, type Site} from '../support/index.ts';
import {bench, following, nameOf, sameRows} from './moving.ts';

const CREDENTIALS = {ReplicationCredentialsQuery: `select '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`};

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('by GTID on $flavor', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  let folder: string;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
    folder = await mkdtemp(path.join(tmpdir(), 'orchestrator-hooks-'));
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down(), rm(folder, {recursive: true, force: true})]));

  test('one goes below a sibling, up again, below a cousin, and several go together, while somebody writes', async () => {
    const servers = await box.topology('a: b c; c: d');
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

    expect(await at.run('move-up', '-i', nameOf(b))).toMatchObject({status: 0, stdout: `${nameOf(b)}<${nameOf(a)}\n`});
    expect(await at.run('-c', 'relocate', '-i', nameOf(b), '-d', nameOf(d))).toMatchObject({
      status: 0,
      stdout: `${nameOf(b)}<${nameOf(d)}\n`,
    });
    expect(await following(servers)).toEqual({a: '-', b: 'd', c: 'a', d: 'c'});

    expect(await at.run('relocate', '-i', nameOf(b), '-d', nameOf(c))).toMatchObject({status: 0});
    const ended = await at.run('relocate-replicas', '-i', nameOf(c), '-d', nameOf(a));
    expect({...ended, stdout: ended.stdout.trim().split('\n').sort()}).toEqual({status: 0, stdout: [b, d].map(nameOf).sort(), stderr: ''});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'a', d: 'a'});

    await writer.stop();
    await sameRows(box, [a, b, c, d]);
    expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
  });

  test('a replica takes its source, siblings are regrouped, and a source gets a co-source', async () => {
    const servers = await box.topology('a: b c; c: d');
    const {a, b, c, d} = servers;
    await insert(a, 1, 10);
    await box.caughtUp();
    const hooks = path.join(folder, 'hooks');
    at = await bench(host, [a, b, c, d], {...CREDENTIALS, PostTakeMasterProcesses: [`echo $1 $2 $ORC_SUCCESSOR_HOST >> '${hooks}'`]});
    const writer = await box.writer(a);

    expect(await at.run('take-master', '-i', nameOf(d))).toEqual({status: 0, stdout: `${nameOf(d)}\n`, stderr: ''});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'd', d: 'a'});
    expect(await readFile(hooks, 'utf8')).toBe(`${nameOf(d)} ${nameOf(c)} ${nameOf(d)}\n`);

    expect(await at.run('register-candidate', '-i', nameOf(b), '--promotion-rule', 'prefer')).toMatchObject({status: 0});
    expect(await at.run('get-candidate-replica', '-i', nameOf(a))).toMatchObject({status: 0, stdout: `${nameOf(b)}\n`});
    const regrouped = await at.run('regroup-replicas-gtid', '-i', nameOf(a));
    expect(regrouped).toEqual({status: 0, stdout: `${nameOf(b)}\n${nameOf(b)} lost: 0, moved: 1\n`, stderr: ''});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'd', d: 'b'});

    expect(await at.run('make-co-master', '-i', nameOf(b))).toMatchObject({status: 0, stdout: `${nameOf(b)}\n`});
    expect(await following(servers)).toEqual({a: 'b', b: 'a', c: 'd', d: 'b'});
    await writer.stop();
    await sameRows(box, [a, b, c, d]);
    expect(await rows(at, 'recovery_plan', {state: 'open'})).toEqual([]);
  });
});
