import {unreachable} from '../../../errors/errors.ts';
import type {InstanceKey} from '../../../model/instance-key.ts';
import type {RelocationStep} from '../../../plan/relocation/plan.ts';
import {drainPatience, mustKnow, perform, type World} from '../../steps/perform.ts';
import {follow, followSameLog} from './follow.ts';
import {joinRing} from './join-ring.ts';
import {match} from './match.ts';
import {patient} from './patient.ts';
import {climb, goOn, hold, level, settleAt, settleBelow, type Aside} from './positions.ts';

/**
 * Does one step of a relocation on one server.
 *
 * @returns what was seen afterwards, as a sentence for the journal
 * @throws OrchestratorError when the server is not in the state the step promises
 */
export async function performRelocation(world: World, step: RelocationStep): Promise<string> {
  const patience = drainPatience(world.config);
  const other = async (key: InstanceKey): Promise<Aside> => {
    const one = mustKnow(world.topology, key);
    const reach = () => world.hands.on(one);
    return {hand: patient(await reach(), reach), instance: one, patience, bystanders: world.places};
  };
  const at = (): Promise<Aside> => other(step.on);
  switch (step.do) {
    case 'follow':
      return follow(await at(), await other(step.source));
    case 'follow-same-log':
      return followSameLog(await at(), step.source);
    case 'hold':
      return hold(await at());
    case 'level':
      return level(await at(), await Promise.all(step.among.map((key) => other(key))));
    case 'settle-below':
      return settleBelow(await at(), await other(step.source));
    case 'climb':
      return climb(await at(), {over: await other(step.over), source: step.source});
    case 'settle-at':
      return settleAt(await at(), step);
    case 'match':
      return match(await at(), await other(step.source), {again: step.again === true, policy: world.config});
    case 'go-on':
      return goOn(await at(), {source: step.source, isReachable: mustKnow(world.topology, step.source).check.valid});
    case 'join-ring':
      return joinRing(await at(), await other(step.source), world.config);
    case 'drain':
    case 'make-writable':
    case 'forget-source':
      return perform(world, step);
    default:
      return unreachable(step);
  }
}
