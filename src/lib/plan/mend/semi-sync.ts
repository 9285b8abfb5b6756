import type {Analysis} from '../../analysis/analyze.ts';
import {isReplicating, PROMOTION_RULES, type Instance} from '../../model/instance.ts';
import {compareKeys, keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Case} from '../contenders.ts';
import type {Candidate, Decision, PlannedStep, RefusalCode, Weight} from '../plan.ts';
import {mending} from './decision.ts';

/** What is to be switched, among the replicas of one source. */
interface Switches {
  /** Acknowledge from then on. */
  readonly on: readonly Instance[];
  /** Acknowledge no more. */
  readonly off: readonly Instance[];
  /** Those that are to acknowledge in the end. */
  readonly wanted: readonly Instance[];
}

/**
 * What to do about a source that has fewer or more replicas that acknowledge than it waits for. Replicas are taken by their priority
 * (DetectSemiSyncEnforcedQuery), 0 being never; then by promotion rule. With EnforceExactSemiSyncReplicas exactly as many are left as
 * it waits for; with RecoverLockedSemiSyncMaster as many are added as are missing, and nobody's is switched off. Nothing is switched
 * off before enough of the others acknowledge.
 */
export function planSemiSync(analysis: Analysis, topology: Topology, at: Case): Decision {
  const {failed: source, policy, wishes} = at;
  const name = keyText(source.key);
  const exact = policy.EnforceExactSemiSyncReplicas;
  if (!exact && !policy.RecoverLockedSemiSyncMaster && !wishes.forced)
    return refuse('needs-human', `${name}: neither RecoverLockedSemiSyncMaster nor EnforceExactSemiSyncReplicas is set`);
  if (!source.check.valid) return refuse('needs-human', `${name} cannot be reached, so its acknowledgements cannot be counted`);
  const replicas = topology.replicasOf(source.key);
  const able = replicas.filter((replica) => whyNot(replica) === null).sort(byPreference);
  const wait = source.semiSync.sourceWaitCount;
  const switches = exact ? exactly(wait, able, replicas) : enough(wait - source.semiSync.sourceClients, able);
  const candidates = told(replicas, switches);
  if (switches.wanted.length < (exact ? wait : wait - source.semiSync.sourceClients))
    return refuse('no-candidate', tooFew(name, wait, replicas), candidates);
  if (switches.on.length + switches.off.length === 0)
    return refuse(
      'nothing-to-do',
      `${name} is acknowledged by ${source.semiSync.sourceClients} that are not known as its replicas`,
      candidates,
    );
  return mending(analysis, stepsFor(source, switches, exact), candidates);
}

function exactly(wait: number, able: readonly Instance[], replicas: readonly Instance[]): Switches {
  const wanted = able.slice(0, wait);
  const isWanted = ({key}: Instance): boolean => wanted.some((one) => sameKey(one.key, key));
  const off = replicas.filter((replica) => replica.check.valid && replica.semiSync.replicaEnabled && !isWanted(replica));
  return {wanted, on: wanted.filter((one) => !acknowledges(one)), off};
}

function enough(missing: number, able: readonly Instance[]): Switches {
  const on = able.filter((one) => !acknowledges(one)).slice(0, missing);
  return {wanted: on, on, off: []};
}

/** Switched on, and connected to its source that way. */
function acknowledges({semiSync}: Instance): boolean {
  return semiSync.replicaEnabled && semiSync.replicaStatus;
}

/** Why one cannot be made to acknowledge; completes "HOST:PORT …". */
function whyNot(replica: Instance): string | null {
  const {semiSync, check, wishes} = replica;
  if (!check.valid) return 'cannot be reached';
  if (semiSync.priority <= 0) return 'is asynchronous (DetectSemiSyncEnforcedQuery gives it no priority)';
  if (!isReplicating(replica)) return 'does not replicate';
  if (wishes.inMaintenance) return 'is in maintenance';
  return semiSync.available || semiSync.words || semiSync.replicaEnabled ? null : 'has no semi-sync plugin loaded';
}

function byPreference(a: Instance, b: Instance): number {
  const rule = ({wishes}: Instance): number => PROMOTION_RULES.indexOf(wishes.promotionRule);
  return b.semiSync.priority - a.semiSync.priority || rule(a) - rule(b) || compareKeys(a.key, b.key);
}

function tooFew(name: string, wait: number, replicas: readonly Instance[]): string {
  const reasons = replicas.flatMap((replica) => {
    const because = whyNot(replica);
    return because === null ? [] : [`${keyText(replica.key)} ${because}`];
  });
  return `${name} waits for ${wait} acknowledgements, and too few of its replicas can be made to give them: ${reasons.join('; ') || 'there are no others'}`;
}

function stepsFor(source: Instance, {on, off}: Switches, exact: boolean): readonly PlannedStep[] {
  const wait = source.semiSync.sourceWaitCount;
  const replica = (enabled: boolean) => (one: Instance) => ({do: 'switch-semi-sync', on: one.key, role: 'replica', enabled}) as const;
  // One that is the source of nobody and waits for acknowledgements of its own would keep its applier waiting.
  const idle = on.filter(({semiSync}) => semiSync.sourceEnabled && semiSync.sourceClients === 0);
  const count = {do: 'count-acknowledging', on: source.key, atLeast: wait} as const;
  const stages: readonly (readonly [Weight, readonly PlannedStep['step'][]])[] = [
    ['note', idle.map(({key}) => ({do: 'switch-semi-sync', on: key, role: 'source', enabled: false}) as const)],
    ['note', on.map(replica(true))],
    ['must', [{...count, atMost: null}]],
    ['must', on.length > 0 ? [{do: 'release-commits', on: source.key, through: on.filter(byGtid).map(({key}) => key)}] : []],
    ['note', off.map(replica(false))],
    ['must', exact && off.length > 0 ? [{...count, atMost: wait}] : []],
  ];
  return stages
    .filter(([, steps]) => steps.length > 0)
    .flatMap(([weight, steps], stage) => steps.map((step): PlannedStep => ({step, weight, stage})));
}

function byGtid({replication}: Instance): boolean {
  return replication?.usingOracleGtid === true || replication?.usingMariadbGtid === true;
}

function told(replicas: readonly Instance[], {wanted, on, off}: Switches): readonly Candidate[] {
  const among = (list: readonly Instance[], key: InstanceKey): boolean => list.some((one) => sameKey(one.key, key));
  return replicas.map((replica) => {
    const {key} = replica;
    const verdict = among(on, key)
      ? 'is to acknowledge'
      : among(off, key)
        ? 'is not to acknowledge any more'
        : among(wanted, key)
          ? 'acknowledges already'
          : (whyNot(replica) ?? 'is not needed');
    return {key, chosen: among(wanted, key), verdict};
  });
}

function refuse(code: RefusalCode, because: string, candidates: readonly Candidate[] = []): Decision {
  return {act: false, why: {code, because, candidates}};
}
