import {isHeldByDowntime} from '../analysis/downtime.ts';
import type {RecoveryKind} from '../analysis/rules.ts';
import type {Config} from '../config/keys.ts';
import {matchesCluster} from '../config/filters.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {RefusalCode} from './plan.ts';

/** What keeps the leader from even planning a recovery, beside what a plan itself may refuse. */
export type VetoCode = RefusalCode | 'in-maintenance' | 'two-names' | 'too-many-recoveries' | 'not-confirmed' | 'failed';

/** Everything that is looked at before a recovery is planned and that needs no look at servers. */
export interface Circumstances {
  /** As it is now, with what people said about it. */
  readonly instance: Instance;
  /** What the finding calls for; decides which filters count. */
  readonly recovery: RecoveryKind;
  /** The kill switch is not thrown. Null: that cannot be read, which counts as thrown. */
  readonly enabled: boolean | null;
  /** Recoveries that this leader runs now. */
  readonly underWay: number;
  /** Other names of the same server that others replicate from, or did until it was replaced; absent: not looked for. */
  readonly namesakes?: readonly InstanceKey[];
}

/** One thing that was looked at. */
export interface Check {
  readonly code: VetoCode;
  readonly holdsBack: boolean;
  /** One sentence: what was found, whether or not it holds the recovery back. */
  readonly says: string;
}

export type VetoPolicy = Pick<
  Config,
  'RecoverMasterClusterFilters' | 'RecoverIntermediateMasterClusterFilters' | 'MaxConcurrentRecoveries'
>;

const UNREADABLE = 'whether recoveries are disabled globally cannot be read, which counts as disabled';

/** All of them, in the order in which they are told; the first that holds back is the reason. */
export function checksBeforePlanning(circumstances: Circumstances, policy: VetoPolicy): readonly Check[] {
  const {instance, recovery, enabled, underWay, namesakes = []} = circumstances;
  const name = keyText(instance.key);
  const {downtime, inMaintenance} = instance.wishes;
  const cluster = {name: instance.cluster.name, alias: instance.cluster.suggestedAlias || instance.cluster.name};
  const filters = filtersFor(recovery);
  const held = (because: string): string => `${name} is not recovered: ${because}`;
  const check = (code: VetoCode, holdsBack: boolean, says: string): Check => ({code, holdsBack, says});
  const isSource = recovery === 'dead-source' || recovery === 'dead-co-source';
  return [
    ...(isSource && namesakes.length > 0 ? [check('two-names', true, held(twoNames(namesakes)))] : []),
    matchesCluster(policy[filters], cluster)
      ? check('filtered-out', false, `${filters} matches cluster ${cluster.name}`)
      : check('filtered-out', true, held(`no filter of ${filters} matches cluster ${cluster.name}`)),
    isHeldByDowntime(instance, recovery)
      ? check('downtimed', true, held(`it is downtimed (${downtime?.reason})`))
      : check('downtimed', false, `${name} is ${downtime === null ? 'not downtimed' : 'downtimed, and its replicas are not'}`),
    inMaintenance
      ? check('in-maintenance', true, held('it is in maintenance'))
      : check('in-maintenance', false, `${name} is not in maintenance`),
    enabled
      ? check('recovery-disabled', false, 'recoveries are not disabled globally')
      : check('recovery-disabled', true, held(enabled === null ? UNREADABLE : 'recoveries are disabled globally')),
    underWay >= policy.MaxConcurrentRecoveries
      ? check('too-many-recoveries', true, `${name} waits: ${underWay} recoveries are under way`)
      : check('too-many-recoveries', false, `${underWay} recoveries are under way, of ${policy.MaxConcurrentRecoveries} at most`),
  ];
}

/** A successor among the replicas of one name would be a second source beside that among the replicas of the other. */
function twoNames(namesakes: readonly InstanceKey[]): string {
  const names = namesakes.map(keyText).join(', ');
  return `it is the same server as ${names}, and replicas follow it, or did, under both names; have all use one name, or set MySQLHostnameResolveMethod`;
}

/** Which filters say whether a cluster is recovered from this kind of failure. */
function filtersFor(recovery: RecoveryKind): 'RecoverMasterClusterFilters' | 'RecoverIntermediateMasterClusterFilters' {
  return recovery === 'dead-intermediate-source' || recovery === 'dead-group-member'
    ? 'RecoverIntermediateMasterClusterFilters'
    : 'RecoverMasterClusterFilters';
}
