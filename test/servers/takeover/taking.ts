import {fork, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {expect} from 'vitest';
import type {Config} from '../../../src/lib/config/keys.ts';
import {ACCOUNTS, waitFor, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {idsOn, insert, site, standingOf, type BackendHost, type Site} from '../support/index.ts';

export const nameOf = ({key}: Pick<Instance, 'key'>): string => `${key.host}:${key.port}`;

export interface Taking {
  readonly a: Instance;
  readonly b: Instance;
  readonly c: Instance;
  readonly at: Site;
}

/** Makes `a: b c` with ten rows, all others read-only, and an installation without a service that knows them. */
export async function taking(
  {box, host, ...kind}: {readonly box: Sandbox; readonly host: BackendHost; readonly semiSync?: boolean; readonly gtid?: boolean},
  settings: Partial<Config> = {},
): Promise<Taking> {
  const {a, b, c} = await box.topology('a: b c', kind);
  await insert(a, 1, 10);
  await box.caughtUp();
  const {user, password} = ACCOUNTS.repl;
  const at = await site({
    backend: host,
    servers: [a, b, c],
    settings: {ReplicationCredentialsQuery: `SELECT '${user}', '${password}'`, ...settings},
  });
  expect(await at.run('discover', '-i', [a, b, c].map(nameOf).join(','))).toMatchObject({status: 0});
  return {a, b, c, at};
}

/** Whether everything is as `taking` made it: `a` writable, the others read-only replicas of it that have all its rows. */
export async function asBefore({a, b, c}: Taking): Promise<void> {
  await waitFor(
    'everything is as it was before',
    async () => {
      const [source, ...replicas] = await Promise.all([a, b, c].map(standingOf));
      const faults = [
        ...(source?.writable && source.source === null ? [] : ['a is not a writable source']),
        ...replicas.flatMap(({instance, ...one}) => [
          ...(one.writable ? [`${instance.name} is writable`] : []),
          ...(one.source === a.key.port ? [] : [`${instance.name} replicates from ${one.source}`]),
          ...(one.receiver === 'Yes' && one.applier === 'Yes' ? [] : [`${instance.name}: ${one.receiver} ${one.applier}`]),
          ...(one.ids.join() === source?.ids.join() ? [] : [`${instance.name} has ${one.ids.length} of ${source?.ids.length} rows`]),
        ]),
      ];
      if (faults.length > 0) throw new Error(faults.join('; '));
      return true;
    },
    {within: 60_000},
  );
}

/** Waits until servers have the rows that `source` has, and gives their ids. */
export async function sameIds(source: Instance, others: readonly Instance[]): Promise<readonly number[]> {
  return waitFor(
    'all have the same rows',
    async () => {
      const [ids = [], ...rest] = await Promise.all([source, ...others].map(idsOn));
      if (rest.every((one) => one.join() === ids.join())) return ids;
      throw new Error([ids, ...rest].map(({length}) => length).join(', '));
    },
    {within: 60_000},
  );
}

/** An application in a process of its own, which writes to whichever of these servers lets it. */
export interface Outside {
  /** Ids that were acknowledged. Ends the application. */
  stop(): Promise<readonly number[]>;
  /** Waits until so many more rows were acknowledged. */
  more(rows: number): Promise<void>;
}

export async function outside(servers: readonly Instance[]): Promise<Outside> {
  const child: ChildProcess = fork(path.join(import.meta.dirname, 'application.ts'), {execArgv: ['--disable-warning=ExperimentalWarning']});
  const acknowledged: number[] = [];
  child.on('message', (id: number) => void acknowledged.push(id));
  child.send(servers.map(({key}) => key.port));
  return {
    async stop() {
      child.send('stop');
      await once(child, 'exit');
      return acknowledged;
    },
    async more(rows) {
      const before = acknowledged.length;
      await waitFor(`${rows} more rows are acknowledged`, () => acknowledged.length >= before + rows, {within: 60_000});
    },
  };
}

/** With semi-sync on: enabled and timeout of the successor's role, and which roles the old source has afterwards. */
export async function moveWithSemiSync({a, b, at}: Taking): Promise<{readonly successor: string; readonly old: string}> {
  const [source, replica] = a.flavor === 'mysql9' ? ['source', 'replica'] : ['master', 'slave'];
  // Each has the plugin of its own side alone, where there are plugins.
  await installPlugin(a, 'replica');
  await installPlugin(b, 'source');
  await a.query(`SET GLOBAL rpl_semi_sync_${source}_timeout = 7777`);
  expect(await at.run('graceful-master-takeover-auto', '-i', nameOf(a), '-d', nameOf(b))).toMatchObject({status: 0, stderr: ''});
  const settings = (...names: readonly string[]) =>
    `SELECT CONCAT_WS(' ', ${names.map((name) => `@@global.rpl_semi_sync_${name} + 0`).join()})`;
  return {
    successor: (await b.value(settings(`${source}_enabled`, `${source}_timeout`))) as string,
    old: (await a.value(settings(`${source}_enabled`, `${replica}_enabled`))) as string,
  };
}

async function installPlugin(on: Instance, role: 'source' | 'replica'): Promise<void> {
  const {install} = on.words.semiSync(role);
  if (!install) return;
  const closed = Number(await on.value('SELECT @@global.super_read_only'));
  await on.query('SET GLOBAL super_read_only = 0');
  await on.query(install);
  await on.query(`SET GLOBAL super_read_only = ${closed}`);
}
