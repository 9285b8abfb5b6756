import {ACCOUNTS, replicaStatus, stopReplication, waitFor, type Client, type Instance, type Sandbox} from '../../../sandbox/index.ts';
import type {Config} from '../../../../src/lib/config/keys.ts';
import type {BackendHost} from '../backends.ts';
import {desk} from '../desk.ts';
import type {Ended} from '../program.ts';
import {detectionsAt, recoveryOf} from '../recoveries.ts';
import {breakApplier, delay, holdApplier, insert, insertErrant, insertTagged, receivedAll, startThread, stopThread} from '../replicas.ts';
import type {Service} from '../service.ts';
import {rows, site, watching, type Site} from '../site.ts';
import {idsOn} from '../topology-now.ts';
import {witness, type Witness} from '../witness.ts';
import {idsIn} from './lines.ts';
import type {Scenario} from './scenario.ts';
import type {Verb} from './words.ts';

/** Far more than any of it takes; several tests share two cores. */
export const WITHIN = 60_000;

/** A scenario on real servers. */
export interface Stage {
  readonly box: Sandbox;
  readonly at: Site;
  readonly servers: Readonly<Record<string, Instance>>;
  readonly scenario: Scenario;
  /** How the commands ended, in order. */
  readonly ended: Ended[];
  begun: Promise<Ended> | null;
  witness: Witness | null;
  readonly services: Service[];
  readonly holds: Map<string, () => Promise<void>>;
  /** Connections that are kept open to the end. */
  readonly clients: Client[];
}

/** Makes what the file `topology` says, with an installation that knows all servers. Whoever gets it calls `strike`. */
export async function build(scenario: Scenario, {box, host}: {readonly box: Sandbox; readonly host: BackendHost}): Promise<Stage> {
  const has = (option: string): boolean => scenario.options.some(({verb}) => verb === option);
  const servers: Readonly<Record<string, Instance>> = await box.topology(scenario.tree, {
    gtid: !has('positions'),
    semiSync: has('semi-sync'),
    readOnlyReplicas: !has('writable-replicas'),
  });
  const all = scenario.shape.names.map((name) => box.get(name));
  const first = all.find(({name}) => scenario.shape.writable.has(name)) ?? all[0]!;
  for (const id of idsIn(scenario.options.find(({verb}) => verb === 'rows')?.args[0] ?? '1-10')) await insert(first, id, id);
  await box.caughtUp();
  const at = await site({backend: host, servers: all, settings: (hooks) => ({...hooks.settings, ...settingsOf(scenario, servers)})});
  const stage: Stage = {box, at, servers, scenario, ended: [], begun: null, witness: null, services: [], holds: new Map(), clients: []};
  try {
    const known = await desk(at)('discover', '-i', all.map(address).join(','));
    if (known.status !== 0) throw new Error(known.stderr);
    return stage;
  } catch (error) {
    await strike(stage);
    throw error;
  }
}

/** Ends everything but the servers, which the next scenario resets. */
export async function strike(stage: Stage): Promise<void> {
  for (const release of stage.holds.values()) await release().catch((error: unknown) => void error);
  for (const client of stage.clients) client.close();
  await stage.begun?.catch((error: unknown) => void error);
  await stage.at.down();
}

export const address = ({key}: Pick<Instance, 'key'>): string => `${key.host}:${key.port}`;

function settingsOf({options}: Scenario, servers: Stage['servers']): Partial<Config> {
  const {user, password} = ACCOUNTS.repl;
  const centers = options.filter(({verb}) => verb === 'datacenter');
  const cases = centers.map(
    ({args: [name, names = '']}) =>
      `WHEN @@port IN (${names
        .split(' ')
        .map((one) => servers[one]?.key.port)
        .join()}) THEN '${name}'`,
  );
  const given = options.filter(({verb}) => verb === 'config');
  return {
    ReplicationCredentialsQuery: `SELECT '${user}', '${password}'`,
    ...(cases.length > 0 ? {DetectDataCenterQuery: `SELECT CASE ${cases.join(' ')} END`} : {}),
    ...(Object.fromEntries(
      given.map(({args: [key = '', value = '']}) => [key, JSON.parse(addressed(value, servers)) as unknown]),
    ) as Partial<Config>),
  };
}

/** A text in which names of servers, where they stand alone, are replaced by their addresses. */
function addressed(text: string, servers: Stage['servers']): string {
  return Object.entries(servers).reduce(
    (so, [name, server]) => so.replaceAll(`{${name}}`, address(server)).replaceAll(`{${name}.pid}`, String(server.pid)),
    text,
  );
}

/** Does one line of `do`. @throws when it cannot be done, or does not come true */
export async function perform(stage: Stage, {verb, args}: {readonly verb: Verb; readonly args: readonly string[]}): Promise<void> {
  await ACTS[verb](stage, args);
}

type Does = (stage: Stage, args: readonly string[]) => Promise<unknown>;

/** A verb whose argument is a list of servers. */
const each =
  (work: (server: Instance) => Promise<unknown>): Does =>
  (stage, [names = '']) =>
    Promise.all(names.split(' ').map((name) => work(stage.box.get(name))));

const one =
  (work: (server: Instance, rest: readonly string[], stage: Stage) => unknown): Does =>
  async (stage, [name = '', ...rest]) =>
    work(stage.box.get(name), rest, stage);

const ACTS: Readonly<Record<Verb, Does>> = {
  orchestrator: async (stage, [line = '']) => void stage.ended.push(await command(stage, line)),
  begin: (stage, [line = '']) => Promise.resolve(void (stage.begun = command(stage, line))),
  finish: async (stage) => {
    if (!stage.begun) throw new Error('nothing was begun');
    stage.ended.push(await stage.begun);
    stage.begun = null;
  },
  'at-work': ({at}) =>
    waitFor('it is at work', async () => (await rows(at, 'recovery_plan', {state: 'open'})).length > 0, {within: WITHIN}),
  serve: async ({at, scenario, box, services}) => {
    services.push(await at.serve());
    const [source = ''] = scenario.shape.writable;
    await watching(at, box.get(source));
  },
  recovered: one((server, _rest, {at}) => recoveryOf(at, server, WITHIN)),
  detected: ({at, box}, [code = '', name = '']) =>
    waitFor(`${code} of ${name} is found`, async () => (await detectionsAt(at)).includes(`${code} of ${box.get(name).key.port}`), {
      within: WITHIN,
    }),
  kill: each((server) => server.kill9()),
  start: one((server) => server.start()),
  pause: one((server) => server.pause()),
  resume: one((server) => server.resume()),
  insert: one(async (server, [ids = '']) => {
    for (const id of idsIn(ids)) await insert(server, id, id);
  }),
  'insert-domain': async ({box}, [domain, name = '', ids = '']) => {
    const client = box.get(name).connect();
    await client.query(`SET SESSION gtid_domain_id = ${domain}`);
    for (const id of idsIn(ids)) await client.query('INSERT INTO test.t (id) VALUES (?)', [id]);
    client.close();
  },
  'insert-tagged': ({box}, [tag = '', name = '', ids = '']) => insertTagged(box.get(name), tag, idsIn(ids)),
  sql: one((server, [statement = '']) => server.query(statement)),
  'stop-receiver': each((server) => stopThread(server, 'IO_THREAD')),
  'stop-applier': each((server) => stopThread(server, 'SQL_THREAD')),
  'start-receiver': each((server) => startThread(server, 'IO_THREAD')),
  'start-applier': each((server) => startThread(server, 'SQL_THREAD')),
  'stop-replication': each((server) => stopReplication(server)),
  hold: one(async (server, _rest, {holds}) => holds.set(server.name, await holdApplier(server))),
  release: one(async (server, _rest, {holds}) => {
    await holds.get(server.name)?.();
    holds.delete(server.name);
  }),
  delay: one((server, [seconds]) => delay(server, Number(seconds))),
  errant: one((server) => insertErrant(server)),
  'will-fail': one((server, [id]) => breakApplier(server, Number(id))),
  failed: one((server) =>
    waitFor(`the applier of ${server.name} fails`, async () => ((await replicaStatus(server))[0]?.applier.errno ?? 0) !== 0, {
      within: WITHIN,
    }),
  ),
  received: (stage, [name = '', source = '']) => receivedAll(stage.box.get(name), stage.box.get(source)),
  'caught-up': ({box}) => box.caughtUp({within: WITHIN}),
  have: ({box}, [ids = '', names = '']) =>
    waitFor(
      `${names} have rows ${ids}`,
      async () => {
        const found = await Promise.all(names.split(' ').map((name) => idsOn(box.get(name))));
        return found.every((one) => one.join() === idsIn(ids).join());
      },
      {within: WITHIN},
    ),
  noticed: each((server) =>
    waitFor(`${server.name} notices that its source is gone`, async () => (await replicaStatus(server))[0]?.receiver.running !== 'Yes', {
      within: WITHIN,
    }),
  ),
  transaction: one(async (server, _rest, {clients}) => {
    const client = server.connect('app');
    clients.push(client);
    await client.query('START TRANSACTION');
    await client.query('INSERT INTO test.t (id) VALUES (7777)');
  }),
  lasts: one((server) => {
    const lasting = 'SELECT MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())) FROM information_schema.innodb_trx';
    return waitFor(`work on ${server.name} lasts`, async () => Number(await server.value(lasting)) > 0, {within: WITHIN});
  }),
  lossless: one(async (server) => {
    const side = server.flavor === 'mysql9' ? 'source' : 'master';
    await server.query(`SET GLOBAL rpl_semi_sync_${side}_wait_point = AFTER_SYNC`);
    await server.query(`SET GLOBAL rpl_semi_sync_${side}_timeout = 86400000`);
  }),
  watch: async (stage) => {
    stage.witness = await witness(Object.values(stage.servers).filter((server) => server.alive()));
  },
};

/** Runs a command line in which servers go by their names, in this process. */
function command({at, servers}: Stage, line: string): Promise<Ended> {
  const named = (word: string): string => (Object.hasOwn(servers, word) ? address(servers[word]!) : addressed(word, servers));
  const words = line.split(/\s+/).map((word) => word.split(',').map(named).join(','));
  return desk(at)(...words);
}
