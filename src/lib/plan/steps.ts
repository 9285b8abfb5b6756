import {coordinatesText} from '../model/binlog-coordinates.ts';
import type {Instance} from '../model/instance.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Option} from './choose.ts';
import {whyNoMatch} from './by-position.ts';
import {isPostponed, isSlow, type Case, type Contender} from './contenders.ts';
import {acknowledgementsPromised, mayHaveAcknowledged} from './lossless.ts';
import type {PlannedStep, Proof, Step, Weight} from './plan.ts';

/** Steps of one stage, in the order of stages; empty stages vanish. */
type Stage = readonly (readonly [weight: Weight, step: Step])[];

const POSTPONED = {postponed: true} as const;

/**
 * How one option is carried out. Everything received is drained, and caught up with, before anybody is pointed elsewhere;
 * the successor opens before the others follow it, for which nobody's writes should wait; what clears the finding comes last.
 */
export function stepsFor(option: Option, contenders: readonly Contender[], at: Case, outOfHand = 0): readonly PlannedStep[] {
  const siblings = contenders.filter((one) => one !== option.contender && !option.lost.some(({contender}) => contender === one));
  const [last, first] = [siblings.filter((one) => isPostponed(one, at.policy)), siblings.filter((one) => !isPostponed(one, at.policy))];
  const stages: readonly Stage[] = [
    [[at.failed.check.valid ? 'must' : 'note', {do: 'close-source', on: at.failed.key}]],
    ...gatherStages(option, siblings, at),
    proofStage(option, contenders, at, outOfHand),
    placeStage(option, siblings, at),
    siblingStage(first, option, at),
    makeWritable(option, at),
    [...lateSiblings(first, option, at), ...detachLost(option, at)],
    letGo(option, at),
  ];
  const told = stages.filter((stage) => stage.length > 0);
  return [
    ...told.flatMap((steps, stage) => steps.map(([weight, step]) => ({step, weight, stage}))),
    ...last.map((one) => ({step: below(one, option, at), weight: 'lost' as const, stage: told.length, ...POSTPONED})),
  ];
}

/**
 * The successor, and those it fetches from, apply what they received, while nobody receives from the old source any more: neither
 * data nor does it acknowledge any. Then the successor fetches, from one donor after the other. All receivers are stopped at once,
 * because MySQL takes two seconds to stop one that waits for a source which hangs.
 */
function gatherStages({contender, donors}: Option, siblings: readonly Contender[], {failed, policy, wishes}: Case): readonly Stage[] {
  const others = policy.ApplyMySQLPromotionAfterMasterFailover ? siblings.filter((one) => !donors.includes(one)) : [];
  const weight: Weight = wishes.allowDataLoss ? 'note' : 'must';
  const drain = ({replica}: Contender): Step => ({do: 'drain', on: replica.key, source: failed.key});
  return [
    [
      ...[contender, ...donors].map((one) => [weight, drain(one)] as const),
      ...others.map(({replica}) => ['note', {do: 'stop-receiver', on: replica.key}] as const),
    ],
    ...donors.map(({replica}): Stage => [[weight, catchUp(contender, replica.key)]]),
  ];
}

function catchUp({byPosition, replica}: Contender, from: InstanceKey): Step {
  return {do: 'catch-up', on: replica.key, from, ...(byPosition ? {match: true} : {})};
}

/** The last look before the successor opens: whatever its siblings received it has. A replica alone has nothing to prove. */
function proofStage(
  {contender, donors}: Option,
  contenders: readonly Contender[],
  {failed, policy, wishes}: Case,
  outOfHand: number,
): Stage {
  const needed = acknowledgementsPromised(failed);
  const others = contenders
    .filter((one) => one !== contender)
    .map(({replica}) => ({
      on: replica.key,
      received: receivedBy(contender, replica),
      acknowledges: mayHaveAcknowledged(replica),
    }));
  if (!policy.ApplyMySQLPromotionAfterMasterFailover || others.length === 0) return [];
  return [
    [
      wishes.allowDataLoss ? 'note' : 'must',
      {do: 'prove', on: contender.replica.key, source: failed.key, ...standing({contender, donors}), others, needed, outOfHand},
    ],
  ];
}

function receivedBy({byPosition}: Contender, {replication}: Instance): string {
  if (!byPosition) return replication?.retrievedGtid ?? '';
  return replication?.read ? coordinatesText(replication.read) : '';
}

/** By file and position: who still stands in the log of the old source, and the successor has as much. */
function standing({contender, donors}: Pick<Option, 'contender' | 'donors'>): Pick<Proof, 'stands'> {
  return contender.byPosition ? {stands: (donors.at(-1) ?? contender).replica.key} : {};
}

/** By file and position the others go on where the log of the successor ends while nobody writes to it. */
function placeStage({contender, donors}: Option, siblings: readonly Contender[], {failed}: Case): Stage {
  const {stands} = standing({contender, donors});
  if (!stands || siblings.length === 0) return [];
  return [['must', {do: 'note-place', on: contender.replica.key, source: failed.key, stands}]];
}

/** Where the successor is not opened by us, the others follow it at once. */
function siblingStage(siblings: readonly Contender[], option: Option, at: Case): Stage {
  if (at.policy.ApplyMySQLPromotionAfterMasterFailover) return [];
  return siblings.map((sibling) => ['lost', below(sibling, option, at)]);
}

function lateSiblings(siblings: readonly Contender[], option: Option, at: Case): Stage {
  if (!at.policy.ApplyMySQLPromotionAfterMasterFailover) return [];
  return siblings.map((sibling) => ['lost', below(sibling, option, at)]);
}

function below(sibling: Contender, {contender: {replica}}: Option, at: Case): Step {
  const source = replica.key;
  if (sibling.byPosition) return {do: 'place', on: sibling.replica.key, source, match: whyNoMatch(sibling.replica, replica, at) === null};
  const step = {do: 'repoint', on: sibling.replica.key, source} as const;
  return isSlow(sibling) ? {...step, refetch: true} : step;
}

function makeWritable({contender: {replica}}: Option, {failed, policy}: Case): Stage {
  if (!policy.ApplyMySQLPromotionAfterMasterFailover) return [];
  return [['must', {do: 'make-writable', on: replica.key, semiSync: hadSemiSync(failed)}]];
}

function hadSemiSync({semiSync}: Instance): boolean {
  return semiSync.sourceEnabled;
}

function detachLost({lost}: Option, {policy}: Case): Stage {
  // Either key switches it on; that the older of the two is on by default is what 3.2.6 did too.
  if (!policy.DetachLostReplicasAfterMasterFailover && !policy.DetachLostSlavesAfterMasterFailover) return [];
  return lost.map(({contender}) => ['note', {do: 'detach', on: contender.replica.key}]);
}

function letGo({contender, donors}: Option, {failed, policy}: Case): Stage {
  const on = contender.replica.key;
  const source = donors.at(-1)?.replica.key ?? failed.key;
  if (policy.ApplyMySQLPromotionAfterMasterFailover) return [['must', {do: 'forget-source', on, source}]];
  return policy.MasterFailoverDetachReplicaMasterHost || policy.MasterFailoverDetachSlaveMasterHost ? [['must', {do: 'detach', on}]] : [];
}
