import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Flavor, type Sandbox} from '../../sandbox/index.ts';
import {backendHost, insert, rows, site, type BackendHost, type Site} from '../support/index.ts';
import {BinlogServer, real} from '../support/maxscale/binlog-server.ts';
import {desk} from '../support/desk.ts';
import {following, nameOf, sameRows} from './moving.ts';

/** No package has MaxScale: what stands in for it hands real replicas through to a real source. */
describe.each<{flavor: Flavor}>([{flavor: 'mariadb'}, {flavor: 'mysql56'}])('binlog servers on $flavor', ({flavor}) => {
  let box: Sandbox;
  let host: BackendHost;
  let at: Site;
  let servers: readonly BinlogServer[] = [];
  beforeAll(async () => {
    [box, host] = await Promise.all([sandbox({flavor}), backendHost('sqlite')]);
  });
  afterEach(async () => {
    await at?.down();
    await Promise.all(servers.map((server) => server.down()));
    servers = [];
  });
  afterAll(() => Promise.all([box?.down(), host?.down()]));

  /** `a: b c m n`, where m and n are binlog servers, and an installation that found them. */
  async function setting() {
    const instances = await box.topology('a: b c', {gtid: false});
    const {a, b, c} = instances;
    await insert(a, 1, 10);
    await box.caughtUp();
    const known = (port: number) => {
      const instance = box.instances.find(({key}) => key.port === port);
      return instance ? real(instance) : servers.find(({key}) => key.port === port);
    };
    const [m, n] = await Promise.all([BinlogServer.start(real(a), known), BinlogServer.start(real(a), known)]);
    servers = [m, n];
    at = await site({backend: host, servers: [a, b, c], settings: {SkipMaxScaleCheck: false}});
    const run = desk(at);
    expect(await run('discover', '-i', [a, b, c, m, n].map(nameOf).join())).toMatchObject({status: 0});
    const names: Readonly<Record<string, {readonly key: BinlogServer['key']}>> = {...instances, m, n};
    /** A command in which servers go by their letters; what it prints, likewise. */
    const says = async (line: string): Promise<string> => {
      const words = line.split(' ').map((word) => (names[word] ? nameOf(names[word]) : word));
      const {status, stdout, stderr} = await run(...words);
      const named = Object.entries(names).reduce((text, [name, server]) => text.replaceAll(nameOf(server), name), stdout);
      return status === 0 ? named.trimEnd() : `${status}: ${stderr}`;
    };
    /** Whom each follows, as it says itself. */
    const now = async () => {
      const ports: Readonly<Record<string, string>> = Object.fromEntries(
        Object.entries(names).map(([name, {key}]) => [String(key.port), name]),
      );
      const followed = Object.entries(await following({b, c})).map(([name, source]) => {
        const port = source.replace(' (stopped)', '');
        return [name, ports[port] ?? port];
      });
      return Object.fromEntries([...followed, ['m', ports[m.source.port]], ['n', ports[n.source.port]]]) as Readonly<
        Record<string, string>
      >;
    };
    return {a, b, c, m, n, says, now};
  }

  test('are recognised and shown, take replicas, pass them on, and follow each other', async () => {
    const {a, b, c, m, n, says, now} = await setting();
    expect(await rows(at, 'database_instance', {port: m.key.port})).toMatchObject([
      {version: '2.2.21-maxscale', binlog_server: 1, server_id: m.key.port, uptime: 0, binlog_format: 'INHERIT', read_only: 1, log_bin: 1},
    ]);
    expect(await says('topology -i a')).toContain(`[0s,ok,2.2.21-maxscale,ro,INHERIT,>>]`);

    expect(await says('relocate -i b -d m')).toBe('b<m');
    expect(await says('relocate -i b -d n')).toBe('b<n');
    expect(await says('relocate -i c -d m')).toBe('c<m');
    expect(await now()).toEqual({b: 'n', c: 'm', m: 'a', n: 'a'});
    await insert(a, 11, 20);
    await sameRows(box, [a, b, c]);
    expect(await says('discover -i m')).toBe('m');
    expect(JSON.parse(String((await rows<{slave_hosts: string}>(at, 'database_instance', {port: m.key.port}))[0]?.slave_hosts))).toEqual([
      {Hostname: c.key.host, Port: c.key.port},
    ]);

    expect(await says('repoint -i n -d m')).toBe('n<m');
    // The connection of b went through n, and is a new one now.
    await insert(a, 21, 25);
    await sameRows(box, [a, b, c]);
    expect(await says('relocate -i c -d b')).toBe('c<b');
    expect(await says('relocate -i b -d a')).toBe('b<a');
    expect(await says('relocate -i n -d b')).toMatch(/^4: .*is a binlog server: it can follow its source or a sibling/);
    expect(await says('take-master -i n')).toMatch(/^4: .*is a binlog server/);
    expect(await now()).toEqual({b: 'a', c: 'b', m: 'a', n: 'm'});
    await insert(a, 26, 30);
    await sameRows(box, [a, b, c]);
    expect([m, n].flatMap(({statements}) => statements).filter((one) => one.includes('/*') || one.includes(';'))).toEqual([]);
  });

  test('that die lose nobody: replicas go to another of the same source, or to that, at the position they have', async () => {
    const {a, b, c, m, n, says, now} = await setting();
    expect(await says('relocate -i b -d m')).toBe('b<m');
    expect(await says('relocate -i c -d m')).toBe('c<m');
    await insert(a, 11, 20);
    for (const [dead, server, heir] of [
      ['m', m, 'n'],
      ['n', n, 'a'],
    ] as const) {
      await server.down();
      // Their receivers notice by themselves that it is gone.
      await box.waitFor(
        `${dead} is found dead`,
        async () => {
          for (const name of [dead, 'b', 'c']) await says(`discover -i ${name}`);
          return (await says('replication-analysis')).includes(`${dead} (cluster a): DeadIntermediateMaster`);
        },
        {within: 60_000},
      );
      expect(await says(`recover -i ${dead}`)).toBe(heir);
      expect(await now()).toMatchObject({b: heir, c: heir});
      await sameRows(box, [a, b, c]);
    }
  });

  test('are regrouped below a dead source, and a replica of theirs is not promoted unasked', async () => {
    const {a, b, m, n, says, now} = await setting();
    expect(await says('relocate -i b -d m')).toBe('b<m');
    expect(await says('relocate -i c -d n')).toBe('c<n');
    n.stop();
    await insert(a, 11, 20);
    await sameRows(box, [a, b]);
    expect((await n.end()).position).toBeLessThan((await m.end()).position);
    n.start();
    await a.kill9();
    expect(await says(`discover -i m`)).toBe('m');
    expect(await says(`discover -i n`)).toBe('n');
    expect((await says('replication-analysis')).split('\n').toSorted()).toEqual([
      'a (cluster a): DeadMaster',
      'm (cluster a): BinlogServerFailingToConnectToMaster',
      'n (cluster a): BinlogServerFailingToConnectToMaster',
    ]);
    expect(await says('recover -i a')).toMatch(/^4: .*needs-human/);
    expect(await says('regroup-replicas-bls -i a')).toBe('m');
    expect(await now()).toEqual({b: 'm', c: 'n', m: 'a', n: 'm'});
  });
});
