import {defaultTiming} from '../../coordination/timing.ts';
import {isCode, messageOf, OrchestratorError} from '../../errors/errors.ts';
import {parseCloneAbility, showCloneAbility, type CloneAbility} from '../../flavor/clone.ts';
import type {ReplicationCredentials} from '../../flavor/flavor.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {decideReprovision, type ReprovisionPlan} from '../../plan/reprovision/decide.ts';
import {readReplicationCredentials} from '../../probe/credentials.ts';
import {REPROVISION} from '../../store/audit-types.ts';
import {readInstances, readWishes} from '../../store/instances.ts';
import {atWork, type Bench, type HandOptions} from '../by-hand.ts';
import {underLock, type Locked} from '../under-lock.ts';
import {cloneInto} from './clone.ts';
import {followAfterClone} from './follow.ts';

export interface ReprovisionRequest {
  /** Whose data is replaced. */
  readonly instance: InstanceKey;
  readonly from: InstanceKey;
  /** Say what would be done, and do nothing. */
  readonly noop: boolean;
  /** How long to queue for the lock. */
  readonly wait: Milliseconds;
  /** For the clone and the restart that ends it. */
  readonly within: Milliseconds;
  readonly by: string;
  /** What happens, for whoever waits. */
  progress(sentence: string): void;
}

export interface Reprovisioned {
  readonly plan: ReprovisionPlan;
  /** Null: nothing was done. */
  readonly instance: Instance | null;
}

const NO_ABILITY: CloneAbility = {plugin: false, privileges: []};

/**
 * Makes a server anew as a copy of another by the CLONE plugin of MySQL, and lets it follow the other's source. Everything on it is lost.
 * Under a lock on both and on the source. What was looked at before is looked at again under the lock.
 *
 * It is no journaled plan: whoever took one over could not know whether the person still wants all data of a server replaced. One that
 * dies or runs out of time leaves a server that has its old data or those of the other and follows nobody we told it to, and a lock that
 * goes stale; asked for again it begins anew, as long as the server is closed.
 *
 * @throws OrchestratorError REFUSED; CONTENDED; OUTCOME_UNKNOWN when it is not back in time; RECOVERY_FAILED with the server's reason
 */
export async function reprovision(options: HandOptions, request: ReprovisionRequest): Promise<Reprovisioned> {
  return atWork(options, async (bench) => {
    bench.prober.model.begin(await readInstances(options.backend, options.config));
    bench.prober.model.wish(await readWishes(options.backend));
    const {plan, cluster} = await decide(options, bench, request);
    if (request.noop) return {plan, instance: null};
    const heartbeats = await options.heartbeats();
    try {
      const instances = [plan.instance, plan.from, plan.source].filter((key, at, all) => all.findIndex((one) => sameKey(one, key)) === at);
      const wish = {purpose: `reprovision of ${keyText(plan.instance)}`, cluster, instances, wait: request.wait};
      const env = {...options, timing: options.timing ?? defaultTiming, servers: bench.servers, heartbeats};
      return await underLock(env, wish, (locked) => carryOut({options, bench, request}, locked, plan));
    } finally {
      await heartbeats.close();
    }
  });
}

interface At {
  readonly options: HandOptions;
  readonly bench: Bench;
  readonly request: ReprovisionRequest;
}

async function carryOut({options, bench, request}: At, locked: Locked, before: ReprovisionPlan): Promise<Reprovisioned> {
  const {plan, credentials, tls, instance} = await decide(options, bench, request);
  if (!sameKey(plan.source, before.source)) {
    throw new OrchestratorError('REFUSED', `the topology has changed meanwhile: now ${keyText(plan.source)} would be followed`, {
      hint: 'try again',
    });
  }
  const record = (what: string): Promise<void> =>
    options.audit({type: REPROVISION, key: plan.instance, cluster: instance.cluster.name, message: `${what}, by ${request.by}`});
  await record(`begins: all data is replaced by that of ${keyText(plan.from)}`);
  try {
    const hand = () => locked.hands.on(instance);
    await interruptible(options, 0, () =>
      cloneInto({hand, from: plan.from, config: options.config, within: request.within, progress: request.progress}),
    );
    const found = await bench.prober.probe(plan.instance);
    if (!found?.check.valid) throw bench.prober.failureOf(plan.instance);
    const copy = await locked.hands.on(found);
    await interruptible(options, 1, () => followAfterClone(copy, {source: plan.source, credentials, tls}));
    await record(`done: follows ${keyText(plan.source)}`);
    return {plan, instance: await bench.prober.probe(plan.instance)};
  } catch (error) {
    await record(`not done, or not as wished: ${messageOf(error)}`);
    throw error;
  }
}

/** A place where tests end the process. */
async function interruptible({fault}: HandOptions, number: number, act: () => Promise<void>): Promise<void> {
  await fault?.('before', {number});
  await act();
  await fault?.('after', {number});
}

interface Decided {
  readonly plan: ReprovisionPlan;
  readonly instance: Instance;
  readonly cluster: string;
  readonly credentials: ReplicationCredentials | null;
  readonly tls: boolean;
}

/** @throws OrchestratorError NOT_FOUND, REFUSED */
async function decide({config}: HandOptions, bench: Bench, {instance: key, from: donor}: ReprovisionRequest): Promise<Decided> {
  await bench.prober.look([key, donor]);
  const known = bench.prober.model.topology();
  const source = known.get(donor)?.replication?.source ?? donor;
  const topology = await bench.prober.look([source, ...known.replicasOf(key).map((replica) => replica.key)]);
  const [instance, from] = [topology.get(key), topology.get(donor)];
  if (!instance || !from) {
    throw new OrchestratorError('NOT_FOUND', `${keyText(instance ? donor : key)} is not known`, {
      hint: 'orchestrator discover makes it known',
    });
  }
  // Its own, too: what it replicates with now is gone with its data.
  const teachers = [from, instance, ...topology.replicasOf(source)].filter(({check}) => check.valid);
  const credentials = await credentialsFrom(bench, teachers, config);
  const abilities = {instance: await abilityOf(bench, instance), from: await abilityOf(bench, from)};
  const decision = decideReprovision({instance, from, topology, abilities, hasCredentials: credentials !== null});
  if ('refused' in decision) {
    throw new OrchestratorError('REFUSED', decision.refused, decision.hint === undefined ? {} : {hint: decision.hint});
  }
  const tls = teachers.some(({replication}) => replication?.usesTls === true);
  return {plan: decision.plan, instance, cluster: from.cluster.name, credentials, tls};
}

async function abilityOf({servers}: Bench, {key, check, flavor}: Instance): Promise<CloneAbility> {
  if (!check.valid || flavor === 'MariaDB') return NO_ABILITY;
  const session = await servers.connect(key);
  try {
    return parseCloneAbility(await session.query(showCloneAbility));
  } finally {
    session.destroy();
  }
}

/** The first that knows; null: nobody does. */
async function credentialsFrom(
  {servers}: Bench,
  teachers: readonly Instance[],
  config: HandOptions['config'],
): Promise<ReplicationCredentials | null> {
  for (const teacher of teachers) {
    const session = await servers.connect(teacher.key);
    try {
      const found = await readReplicationCredentials(session, flavorOf(teacher), config);
      if (found) return found;
    } catch (error) {
      if (!isCode(error, 'SERVER_STATEMENT_FAILED', 'SERVER_ACCESS_DENIED')) throw error;
    } finally {
      session.destroy();
    }
  }
  return null;
}
