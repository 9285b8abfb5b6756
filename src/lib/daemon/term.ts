import type {LookupFunction} from 'node:net';
import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {touchLease} from '../coordination/lease.ts';
import {blockersOf} from '../coordination/lock/rows.ts';
import type {Timing} from '../coordination/timing.ts';
import type {Lease, NodeId} from '../coordination/types.ts';
import {messageOf} from '../errors/errors.ts';
import {membersOf} from '../execute/by-hand.ts';
import {Repair} from '../execute/discovery/repair.ts';
import type {Environment} from '../execute/environment.ts';
import {recover} from '../execute/recover.ts';
import {fetchLeftBehind} from '../execute/left-behind.ts';
import {injectMark} from '../execute/pseudo-gtid/inject.ts';
import {dealWithReturned} from '../execute/returned-source.ts';
import {keyText} from '../model/instance-key.ts';
import {Topology} from '../model/topology.ts';
import type {Milliseconds} from '../model/units.ts';
import type {Analysis} from '../analysis/analyze.ts';
import {noteAnalysis} from '../store/recovery/analysis-changelog.ts';
import {createServers} from '../servers/create-servers.ts';
import type {Servers} from '../servers/servers.ts';
import type {Backend} from '../store/backend.ts';
import type {AuditEntry} from '../store/audit.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import {readWishes} from '../store/instances.ts';
import {markedClusters, noteMarkedClusters} from '../store/pseudo-gtid.ts';
import {readAdoptions, readDemotions} from '../store/recovery/demotions.ts';
import {Announcer} from './announcer.ts';
import {Attributes} from './attributes.ts';
import type {Chore} from './chores.ts';
import {Detector} from './detector.ts';
import {every, type Running} from './every.ts';
import {Explorer} from './explorer.ts';
import type {Measures} from '../operations/service/measures.ts';
import {readNaming} from '../execute/eyes/naming.ts';
import {permitOfLeader} from '../execute/eyes/permit.ts';
import {Prober} from '../execute/eyes/prober.ts';
import {Publisher} from '../execute/eyes/publisher.ts';
import {aliasesToMove, moveAliases} from './group-primaries.ts';
import {LeftBehind} from './left-behind.ts';
import {MARK_EACH, Marker} from './marker.ts';
import type {LockWatch} from './lock-watch.ts';
import {Refusals} from './refusals.ts';
import {registerFinding, type DetectionHooks} from './register.ts';
import {ReturnedSources} from './returned-sources.ts';
import {StaleLocks} from './stale-locks.ts';
import {Troubles} from './troubles.ts';
import {Standstill} from './standstill.ts';

export interface TermOptions {
  readonly config: Config;
  readonly backend: Backend;
  readonly heartbeats: Backend;
  readonly me: NodeId;
  readonly timing: Timing;
  readonly log: Log;
  /** By our own clock, now. */
  lease(): Lease | null;
  resolve(host: string): Promise<string>;
  /** Finds addresses for connections; default: the system. */
  readonly lookup?: LookupFunction;
  /** A server reached as `host` calls itself otherwise. */
  learn(host: string, itself: string): Promise<void>;
  audit(entry: AuditEntry): Promise<void>;
  /** Recoveries are not disabled globally; throws when that cannot be read. */
  recoveriesEnabled(): Promise<boolean>;
  /** What this node knows of locks, also from before it led. */
  readonly lockWatch: LockWatch;
  /** Hooks that this node began to run, also in a former term. */
  readonly detectionHooks: DetectionHooks;
  /** Periodic work of the leader beside probing. */
  readonly chores: readonly Chore[];
  readonly fault?: Environment['fault'];
  readonly measures?: Measures;
}

/** All that only the leader does, for one term. */
export interface Term {
  /**
   * Begins nothing more, from the moment of the call. Resolves when all that is under way has ended: recoveries go on by their locks,
   * which may take minutes; a next term waits for none of it.
   */
  stop(): Promise<void>;
}

/** What a term makes for itself, and shares with no other. */
type Own = TermOptions & {readonly servers: Servers};

/**
 * Starts to probe, analyse and recover; until stopped, or until the lease ends by our own clock. Its connections are its own: a recovery
 * that outlives its term goes on using them, whatever the next one does.
 */
export function startTerm(given: TermOptions): Term {
  const {backend, config, log} = given;
  const servers = createServers(config, given);
  let stopped = false;
  const options: Own = {...given, servers, lease: () => (stopped ? null : given.lease())};
  const {publisher, attributes, troubles, prober} = eyesOf(options);
  const environment = environmentFor(options, prober);
  const measuring = options.measures ? {measures: options.measures} : {};
  const explorer = new Explorer({backend, config, prober, log, troubles, ...measuring, onUnreachable: (key) => detector.suspect(key)});
  const locks = new StaleLocks(environment, options.lockWatch);
  const news = newsOf(options, prober);
  const detector = detectorOf(options, prober, {environment, locks, ...news});
  const leftBehind = leftBehindOf(options, prober, environment);
  const returned = returnedOf(options, prober, environment);
  const published = publishedOf(options, prober);
  const marker = markerOf(options, prober);
  const loop = loopsOf(options);
  servers.onLost((key) => (begun && options.lease() ? detector.suspect(key) : undefined));
  let begun = false;
  const begin = async (): Promise<void> => {
    if (begun) return explorer.follow();
    await marker.begin();
    await explorer.begin();
    begun = true;
  };
  const choresOn = (what: Chore['restsOn']): Running[] =>
    options.chores.filter(({restsOn}) => restsOn === what).map((chore) => loop(chore.what, chore.period, chore.run));
  let onProbes: Running[] | null = null;
  const loops = [
    loop('following the backend', 1000, begin),
    loop('probing', 50, () => (begun ? explorer.tick() : undefined)),
    loop('measuring', 1000, () => explorer.measure()),
    loop('placing the unreachable', 60_000, () => (begun ? placeUnreachable(options, explorer) : undefined)),
    loop('analysis', 1000, () => (begun ? detector.round() : undefined)),
    loop('publishing', 100, async () => {
      const looked = explorer.hasLookedAround(); // asked first: what was probed until then is in the backend after this
      await publisher.flush();
      await attributes.flush();
      if (looked && options.lease()) onProbes ??= choresOn('probes');
    }),
    loop('names of clusters', config.InstancePollSeconds * 1000, () => nameClusters(options, prober)),
    loop('telling what happens', 500, () => (begun ? news.announcer.round() : undefined)),
    loop('telling refusals', 250, () => news.refusals.flush()),
    loop('watching locks', 500, () => locks.round()),
    loop('returned sources', 100, () => (begun ? returned.round() : undefined)),
    loop('writing Pseudo-GTID entries', MARK_EACH, () => (begun ? marker.round() : undefined)),
    loop('replicas left behind', 1000, () => (begun ? leftBehind.round() : undefined)),
    ...(config.KVRepairSeconds === 0
      ? []
      : [loop('telling clients of sources', config.KVRepairSeconds * 1000, () => (begun ? published.round() : undefined))]),
    ...choresOn('nothing probed'),
  ];
  return {
    stop() {
      stopped = true;
      return ended([...loops, ...(onProbes ?? [])], {busy: [detector, locks, returned], servers});
    },
  };
}

/** Makes loops whose rounds begin only while we lead. */
function loopsOf({lease, log}: TermOptions): (what: string, period: Milliseconds, round: () => Promise<void> | void) => Running {
  return (what, period, round) =>
    every(() => (lease() ? round() : undefined), {period, onError: (error) => log('error', `${what}: ${messageOf(error)}`)});
}

interface Busy {
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

async function ended(
  loops: readonly Running[],
  {busy, servers}: {readonly busy: readonly Busy[]; readonly servers: Servers},
): Promise<void> {
  try {
    await Promise.all(loops.map((one) => one.stop()));
    await Promise.all(busy.map((one) => one.idle()));
  } finally {
    servers.close();
  }
}

/** What looks at servers, and what tells the backend what was seen. */
function eyesOf(options: Own): {publisher: Publisher; attributes: Attributes; troubles: Troubles; prober: Prober} {
  const {backend, log, measures} = options;
  const attributes = new Attributes(backend);
  const troubles = new Troubles(log);
  const publisher: Publisher = new Publisher({
    backend,
    now: (key) => prober.model.get(key),
    onFlushed: (flushed) => measures?.wrote(flushed),
  });
  const prober: Prober = proberOf(options, {publisher, attributes, troubles});
  return {publisher, attributes, troubles, prober};
}

async function nameClusters({backend, config, lease}: TermOptions, {model}: Prober): Promise<void> {
  const naming = await readNaming(backend, config);
  model.nameBy(naming);
  await moveAliases(backend, lease(), aliasesToMove(model.topology(), naming.overrides ?? new Map()));
}

async function placeUnreachable({lease}: TermOptions, explorer: Explorer): Promise<void> {
  const held = lease();
  if (held) await explorer.placeUnreachable((work) => touchLease(work, held));
}

/** What is probed is published. */
function proberOf(
  {servers, config, resolve, learn}: Own,
  {publisher, attributes, troubles}: {readonly publisher: Publisher; readonly attributes: Attributes; readonly troubles: Troubles},
): Prober {
  return new Prober({
    servers,
    config,
    resolve,
    learn,
    onRecorded(instance, outcome) {
      publisher.note(instance, outcome);
      if (!outcome.ok) return;
      attributes.note(instance);
      const name = keyText(instance.key);
      troubles.note(
        instance.key,
        outcome.remarks.map((remark) => `${name}: ${remark}`),
      );
    },
  });
}

/** What other nodes are told. */
interface News {
  readonly refusals: Refusals;
  readonly announcer: Announcer;
}

function newsOf({backend, lease}: TermOptions, {model}: Prober): News {
  return {
    refusals: new Refusals(backend, lease),
    announcer: new Announcer({backend, lease, topology: () => model.topology(), isFresh: (key) => model.probedAt(key) !== null}),
  };
}

function detectorOf(
  options: Own,
  prober: Prober,
  {environment, locks, refusals, announcer}: News & {readonly environment: Environment; readonly locks: StaleLocks},
): Detector {
  const {backend, config, log} = options;
  const changelog = changelogOf(backend);
  return new Detector({
    prober,
    config,
    log,
    refusals,
    isLeader: () => options.lease() !== null,
    permit: permitOfLeader(() => options.lease()),
    refreshWishes: async () => prober.model.wish(await readWishes(backend)),
    register: (analysis) => registerFinding(options, analysis),
    mayRecover: () => mayRecover(options),
    recover: (wish) => recover(environment, wish),
    resuming: () => locks.resuming,
    note(analyses) {
      announcer.note(analyses);
      return changelog(analyses);
    },
    standstill: new Standstill({backend, config}, prober.model),
  });
}

function publishedOf({backend, config, log, lease}: TermOptions, {model}: Prober): Repair {
  return new Repair({
    backend,
    config,
    log,
    isLeader: () => lease() !== null,
    topology: () => new Topology(model.topology().instances.filter(({key}) => model.probedAt(key) !== null)),
  });
}

function returnedOf(options: TermOptions, prober: Prober, environment: Environment): ReturnedSources {
  const {backend, config, log} = options;
  return new ReturnedSources({
    prober,
    config,
    log,
    isLeader: () => options.lease() !== null,
    demotions: (of) =>
      readDemotions(
        backend,
        of.map(({key}) => key),
      ),
    isLost: ({wishes}) => wishes.downtime?.reason === LOST_IN_RECOVERY,
    refreshWishes: async () => prober.model.wish(await readWishes(backend)),
    mayRecover: () => mayRecover(options),
    deal: (wish) => dealWithReturned(environment, wish),
  });
}

function markerOf(options: Own, prober: Prober): Marker {
  const {backend, config, log, servers} = options;
  return new Marker({
    prober,
    config,
    log,
    isLeader: () => options.lease() !== null,
    isLost: ({wishes}) => wishes.downtime?.reason === LOST_IN_RECOVERY,
    locked: async (keys) =>
      new Set((await blockersOf(backend, keys)).flatMap(({contention: {instance, cluster}}) => [keyText(instance), cluster])),
    inject: (key, mayStill) => injectMark(servers, key, mayStill),
    note: (clusters) => noteMarkedClusters(backend, clusters),
    marked: () => markedClusters(backend),
  });
}

function leftBehindOf(options: TermOptions, prober: Prober, environment: Environment): LeftBehind {
  const {backend, config, log} = options;
  return new LeftBehind({
    prober,
    config,
    log,
    isLeader: () => options.lease() !== null,
    demotions: async (of) => new Map([...(await readAdoptions(backend, of)), ...(await readDemotions(backend, of))]),
    isLeftToPeople: ({wishes}) => wishes.downtime !== null && wishes.downtime.reason !== LOST_IN_RECOVERY,
    mayRecover: () => mayRecover(options),
    fetch: (wish) => fetchLeftBehind(environment, wish),
  });
}

function environmentFor(options: Own, eyes: Prober): Environment {
  const {backend, heartbeats, me, timing, config, servers, log} = options;
  return {
    backend,
    heartbeats,
    me,
    timing,
    config,
    servers,
    eyes,
    log,
    audit: (entry) => options.audit(entry),
    lease: () => options.lease(),
    members: (cluster, failed) => Promise.resolve(membersOf(eyes, cluster, failed)),
    ...(options.fault ? {fault: options.fault} : {}),
  };
}

/** Writes findings about sources when they change; what was written last is remembered, so that a quiet second writes nothing. */
function changelogOf(backend: Backend): (analyses: readonly Analysis[]) => Promise<void> {
  const written = new Map<string, string>();
  return async (analyses) => {
    const found = new Map(
      analyses.filter(({facts}) => facts.replicas > 0).map(({instance, code}) => [keyText(instance.key), {instance, code}]),
    );
    for (const [name, {instance, code}] of found) if (written.get(name) !== code) await noteAnalysis(backend, instance.key, code);
    for (const [name, {code}] of found) written.set(name, code);
  };
}

/** The kill switch fails closed: what cannot be read, null, counts as switched off. */
async function mayRecover({recoveriesEnabled, log}: TermOptions): Promise<boolean | null> {
  try {
    return await recoveriesEnabled();
  } catch (error) {
    log('error', `whether recoveries are disabled cannot be read, so nothing is recovered: ${messageOf(error)}`);
    return null;
  }
}
