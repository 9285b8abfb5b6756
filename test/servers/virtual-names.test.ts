import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {replicaStatus, sandbox, waitFor, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {backendHost, insert, type BackendHost, type Site} from './support/index.ts';
import {bench, following, nameOf} from './relocation/moving.ts';

/** Another spelling of 127.0.0.1, which name services and servers take for a name. */
const VIRTUAL = '127.1';
/** Leads to nobody. */
const WRONG = '127.0.0.77';

describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql9'}, {flavor: 'mysql56'}])('$flavor', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  test('replicas are pointed at the virtual name of their source, and are known to follow it all the same', async () => {
    const servers = await box.topology('a: b c d');
    const {a, b, c, d} = servers;
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await bench(host, [a, b, c, d], {HostnameResolveMethod: 'ip', RecoverMasterClusterFilters: ['*']});
    expect(await at.run('register-hostname-unresolve', '-i', nameOf(b), '--hostname', VIRTUAL)).toMatchObject({status: 0});

    expect(await at.run('relocate', '-i', nameOf(c), '-d', nameOf(b))).toEqual({
      status: 0,
      stdout: `${nameOf(c)}<${nameOf(b)}\n`,
      stderr: '',
    });
    expect(await writtenAt(c)).toBe(VIRTUAL);
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b', d: 'a'});
    expect(await at.run('which-master', '-i', nameOf(c))).toMatchObject({status: 0, stdout: `${nameOf(b)}\n`});

    expect(await at.run('relocate', '-i', nameOf(d), '-d', nameOf(b), '--skip-unresolve')).toMatchObject({status: 0});
    expect(await writtenAt(d)).toBe('127.0.0.1');

    expect(await at.run('register-hostname-unresolve', '-i', nameOf(b), '--hostname', WRONG)).toMatchObject({status: 0});
    const refused = await at.run('relocate', '-i', nameOf(d), '-d', nameOf(a));
    expect(refused).toMatchObject({status: 1, stderr: expect.stringContaining(`${WRONG}:${a.key.port}`)});
    expect(await following(servers)).toEqual({a: '-', b: 'a', c: 'b', d: 'b'});
  });

  test('replicas of a dead source are pointed at the virtual name of its successor', async () => {
    const servers = await box.topology('a: b c');
    const {a, b, c} = servers;
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await bench(host, [a, b, c], {HostnameResolveMethod: 'ip', RecoverMasterClusterFilters: ['*']});
    for (const one of [b, c])
      expect(await at.run('register-hostname-unresolve', '-i', nameOf(one), '--hostname', VIRTUAL)).toMatchObject({status: 0});
    await a.kill9();
    expect(await at.run('recover', '-i', nameOf(a))).toMatchObject({status: 0});
    const [heir, other] = (await b.value('SELECT @@read_only')) === 0 ? [b, c] : [c, b];
    expect(await writtenAt(other)).toBe(VIRTUAL);
    await waitFor('it follows', async () => (await replicaStatus(other))[0]?.receiver.running === 'Yes', {within: 30_000});
    expect(await at.run('which-master', '-i', nameOf(other))).toMatchObject({stdout: `${nameOf(heir)}\n`});
  });
});

async function writtenAt(replica: Instance): Promise<string> {
  const [status] = await replicaStatus(replica);
  return String(status?.row['Source_Host'] ?? status?.row['Master_Host']);
}
