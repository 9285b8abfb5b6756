import type {LookupFunction} from 'node:net';
import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {defaultTiming, type Timing} from '../coordination/timing.ts';
import type {NodeId} from '../coordination/types.ts';
import {OrchestratorError} from '../errors/errors.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import {createServers} from '../servers/create-servers.ts';
import type {Servers} from '../servers/servers.ts';
import type {AuditEntry} from '../store/audit.ts';
import {markedClusters} from '../store/pseudo-gtid.ts';
import type {Backend} from '../store/backend.ts';
import {letIn, readInstance, readInstances, readWishes} from '../store/instances.ts';
import {confirmDead} from './eyes/confirm.ts';
import {drill} from './eyes/drill.ts';
import {lookDown} from './eyes/look-down.ts';
import type {Environment} from './environment.ts';
import {readNaming} from './eyes/naming.ts';
import {permitByHand} from './eyes/permit.ts';
import {Prober} from './eyes/prober.ts';
import {Publisher} from './eyes/publisher.ts';
import {findingOf, isMendable, RECOVERABLE} from './finding.ts';
import {asIfDead, recover, type RecoveryOutcome, type RecoveryWish} from './recover.ts';

/** What a command, or a request at a node that does not lead, works with: servers, and a model of its own. */
export interface HandOptions {
  readonly config: Config;
  readonly backend: Backend;
  /** Opened when a lock is needed; heartbeats go over it. */
  heartbeats(): Promise<Backend>;
  readonly me: NodeId;
  readonly log: Log;
  audit(entry: AuditEntry): Promise<void>;
  resolve(host: string): Promise<string>;
  /** Finds addresses for connections; default: the system. */
  readonly lookup?: LookupFunction;
  /** A server reached as `host` calls itself otherwise. */
  learn(host: string, itself: string): Promise<void>;
  readonly timing?: Timing;
  /** As in an environment. */
  readonly fault?: Environment['fault'];
  readonly unresolving?: NonNullable<Environment['unresolving']>;
}

/** What `atWork` gives to work with. */
export interface Bench {
  readonly servers: Servers;
  readonly prober: Prober;
  readonly publisher: Publisher;
}

/** Runs something with servers at hand, publishes what was probed meanwhile, and lets go of them. */
export async function atWork<Result>(options: HandOptions, work: (bench: Bench) => Promise<Result>): Promise<Result> {
  const {backend, config} = options;
  const servers = createServers(config, options);
  const publisher: Publisher = new Publisher({backend, now: (key) => prober.model.get(key)});
  const prober = new Prober({
    servers,
    config,
    resolve: options.resolve,
    learn: options.learn,
    onRecorded: (instance, outcome) => publisher.note(instance, outcome),
    onFailure: (key, outcome) => publisher.noteFailure(key, outcome),
  });
  try {
    prober.model.nameBy(await readNaming(backend, config));
    if (config.AutoPseudoGTID) prober.model.markedBy(await markedClusters(backend));
    return await work({servers, prober, publisher});
  } finally {
    await publisher.flush();
    servers.forget();
  }
}

export interface Discovery {
  readonly instance: Instance;
  readonly others: readonly {readonly key: InstanceKey; readonly problem: string | null}[];
}

/**
 * Probes a server and writes what it says; with `drill` also its source, its replicas, and theirs.
 *
 * @throws OrchestratorError SERVER_UNREACHABLE, SERVER_TIMEOUT, SERVER_ACCESS_DENIED when the server itself cannot be read
 */
export async function discoverByHand(options: HandOptions, wish: {instance: InstanceKey; drill: boolean}): Promise<Discovery> {
  return atWork(options, async ({prober, publisher}) => {
    prober.model.begin(await readInstances(options.backend, options.config));
    const found = await prober.probe(wish.instance);
    if (!found?.check.valid) throw prober.failureOf(wish.instance);
    const others = wish.drill ? await drill(prober, {from: found, config: options.config}) : [];
    // a person wants them back, whoever forgot them
    await letIn(options.backend, [wish.instance, found.key, ...others.map(({key}) => key)]);
    await publisher.flush();
    const stored = await readInstance(options.backend, options.config, found.key);
    return {instance: stored ?? found, others};
  });
}

export type HandWish = Omit<RecoveryWish, 'analysis' | 'by' | 'overdue'> & {readonly instance: InstanceKey};

/**
 * Recovers an instance because a person asked: looks at it now, and does what automatic recovery would do, also where that is
 * filtered out, disabled, downtimed or blocked by an earlier one.
 *
 * @throws OrchestratorError NOT_FOUND, CONTENDED, BACKEND_*
 */
export async function recoverByHand(options: HandOptions, wish: HandWish): Promise<RecoveryOutcome> {
  const heartbeats = await options.heartbeats();
  try {
    return await atWork(options, (bench) => recoverAt(options, wish, {...bench, heartbeats}));
  } finally {
    await heartbeats.close();
  }
}

async function recoverAt(options: HandOptions, wish: HandWish, bench: Bench & {heartbeats: Backend}): Promise<RecoveryOutcome> {
  const {config, backend} = options;
  const {prober} = bench;
  prober.model.begin(await readInstances(backend, config));
  prober.model.wish(await readWishes(backend));
  const topology = prober.model.topology();
  const known = topology.get(wish.instance);
  if (!known) {
    throw new OrchestratorError('NOT_FOUND', `${keyText(wish.instance)} is not a known instance`, {
      hint: 'see all-instances, or discover it',
    });
  }
  if (wish.force) return insistOn(options, wish, {...bench, topology});
  const verdict = await confirmDead(prober, {source: wish.instance, topology}, {permit: permitByHand()});
  // A person need not wait until a source has stood still for long.
  const standingStill = new Set([keyText(wish.instance)]);
  const analysis = findingOf(options, verdict.topology, {key: wish.instance, overdue: verdict.handshakeOverdue, standingStill});
  if (!analysis || !(verdict.dead ? RECOVERABLE.has(analysis.recovery) : isMendable(analysis))) {
    const because = `${analysis?.code ?? 'NoProblem'}: ${verdict.because.at(-1) ?? ''}`;
    return {outcome: 'refused', why: {code: 'nothing-to-do', because, candidates: []}};
  }
  return recoverAndLook(options, bench, {...wish, analysis, by: 'person', overdue: verdict.handshakeOverdue});
}

/** There may be no service that would look at what has become of the cluster. */
async function recoverAndLook(options: HandOptions, bench: Bench & {heartbeats: Backend}, wish: RecoveryWish): Promise<RecoveryOutcome> {
  const failed = wish.analysis.instance.key;
  const orphans = bench.prober.model.topology().replicasOf(failed);
  const outcome = await recover(environmentOf(options, bench), wish);
  if (outcome.outcome === 'promoted') {
    await lookDown(
      bench.prober,
      outcome.successor,
      orphans.map(({key}) => key),
    );
  }
  return outcome;
}

/** Whatever replicas say of a source that does not answer: a person insists. One that answers can be asked to hand over. */
async function insistOn(
  options: HandOptions,
  wish: HandWish,
  {topology, ...bench}: Bench & {heartbeats: Backend; topology: Topology},
): Promise<RecoveryOutcome> {
  const overdue = new Set<string>();
  const seen = await bench.prober.look([wish.instance, ...topology.replicasOf(wish.instance).map(({key}) => key)]);
  const found = findingOf(options, seen, {key: wish.instance, overdue});
  if (!found || found.instance.check.valid) {
    const because = `${keyText(wish.instance)} answers, and can be asked to hand over`;
    return {outcome: 'refused', why: {code: 'no-longer-failed', because, candidates: []}};
  }
  return recoverAndLook(options, bench, {...wish, analysis: asIfDead(found), by: 'person', overdue});
}

/** A recovery's surroundings where a person asked for it: no lease, only the lock. */
export function environmentOf(options: HandOptions, {servers, prober, heartbeats}: Bench & {heartbeats: Backend}): Environment {
  const {config, backend, me, log, timing = defaultTiming} = options;
  return {
    backend,
    heartbeats,
    me,
    timing,
    config,
    servers,
    eyes: prober,
    log,
    audit: (entry) => options.audit(entry),
    ...(options.fault ? {fault: options.fault} : {}),
    ...(options.unresolving ? {unresolving: options.unresolving} : {}),
    lease: () => null,
    members: (cluster, failed) => Promise.resolve(membersOf(prober, cluster, failed)),
  };
}

/** Everything of the cluster, and everything below the failed instance under whatever name. */
export function membersOf({model}: Prober, cluster: string, failed: InstanceKey): readonly InstanceKey[] {
  const topology = model.topology();
  const all = [failed, ...topology.inCluster(cluster).map(({key}) => key), ...topology.below(failed).map(({key}) => key)];
  return all.filter((key, index) => all.findIndex((other) => sameKey(other, key)) === index);
}
