import type {Flavor, Statement} from '../../flavor/flavor.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import {DETACHED_PREFIX, keyText} from '../../model/instance-key.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {asBefore, both, expect, replicates, STOPPED} from './expectations.ts';
import type {InstanceAct, InstanceDecision, InstanceRefusal, Seen} from './wish.ts';

/** A replica, and the words of its server. */
export interface ReplicaSeen {
  readonly name: string;
  readonly instance: Instance;
  readonly replication: Replication;
  readonly flavor: Flavor;
}

/** Why a command for replicas is none for this instance; else what it works with. */
export function replicaIn({instance}: Pick<Seen, 'instance'>): ReplicaSeen | InstanceRefusal {
  const {replication, key} = instance;
  if (!replication) return {refused: `${keyText(key)} is not a replica`};
  return {name: keyText(key), instance, replication, flavor: flavorOf(instance)};
}

/** As `replicaIn`, and it names a source that can be reached at all. */
export function attachedIn(seen: Pick<Seen, 'instance'>): ReplicaSeen | InstanceRefusal {
  const found = replicaIn(seen);
  if ('refused' in found || !isDetached(found.replication)) return found;
  return {
    refused: `${found.name} is detached: it points at ${found.replication.sourceHostAsWritten}`,
    hint: `orchestrator reattach-replica -i ${found.name}`,
  };
}

export function isDetached({sourceHostAsWritten}: Replication): boolean {
  return sourceHostAsWritten.startsWith(DETACHED_PREFIX);
}

export function usesGtid({usingOracleGtid, usingMariadbGtid}: Replication): boolean {
  return usingOracleGtid || usingMariadbGtid;
}

/** With both threads stopped, what it received and did not apply is gone (coordination.md §6). */
export function dropsWhenStopped({flavor, replication}: ReplicaSeen): boolean {
  return flavor.dropsRelayLogWhenStopped && replication.usingMariadbGtid;
}

/** Both threads stopped before a change that makes the server drop its relay log. */
export function stopToChange({name}: ReplicaSeen, about = `stop replication of ${name}`): InstanceAct {
  return {act: 'stop', about: `${about}, once it has applied what it received`, drops: true, mustApply: false};
}

/** The threads that ran before. */
export function startAsBefore({name, replication, flavor}: ReplicaSeen): readonly InstanceAct[] {
  const [receives, applies] = [replication.receiver, replication.applier].map(({state}) => state !== 'stopped');
  if (!receives && !applies) return [];
  const statement = receives && applies ? flavor.startReplication : receives ? flavor.startReceiver : flavor.startApplier;
  return [say(`start replication of ${name} as it ran before`, statement)];
}

export function say(about: string, ...statements: readonly Statement[]): InstanceAct {
  return {act: 'say', about, statements};
}

export function planStart(seen: Seen): InstanceDecision {
  const replica = attachedIn(seen);
  if ('refused' in replica) return replica;
  return {
    acts: [say(`start replication of ${replica.name}`, replica.flavor.startReplication)],
    expects: replicates(replica.instance),
    remarks: [],
    record: '',
  };
}

export function planStop(seen: Seen, nicely: boolean): InstanceDecision {
  const replica = replicaIn(seen);
  if ('refused' in replica) return replica;
  const drops = dropsWhenStopped(replica);
  const first = nicely || drops ? ', once it has applied what it received' : '';
  return {
    acts: [{act: 'stop', about: `stop replication of ${replica.name}${first}`, drops, mustApply: nicely}],
    expects: STOPPED,
    remarks: [],
    record: '',
  };
}

/** Where both threads stopped would drop what was received, one of them runs at any time. */
export function planRestart(seen: Seen): InstanceDecision {
  const replica = attachedIn(seen);
  if ('refused' in replica) return replica;
  const {name, flavor, replication} = replica;
  if (!dropsWhenStopped(replica)) {
    const acts = [say(`stop and start replication of ${name}`, flavor.stopReplication, flavor.startReplication)];
    return {acts, expects: replicates(replica.instance), remarks: [], record: ''};
  }
  const applier = say(`stop and start the applier of ${name}`, flavor.stopApplier, flavor.startApplier);
  const receiver = say(`stop and start the receiver of ${name}`, flavor.stopReceiver, flavor.startReceiver);
  const [receives, applies] = [replication.receiver, replication.applier].map(({state}) => state !== 'stopped');
  if (receives && applies) return {acts: [receiver, applier], expects: replicates(replica.instance), remarks: [], record: ''};
  const remarks = receives ? ['its receiver is left running: with both threads stopped, what it has received would be gone'] : [];
  const acts = receives ? [applier] : [say(`start replication of ${name}`, flavor.startReplication)];
  return {acts, expects: replicates(replica.instance), remarks, record: ''};
}

export function planReset(seen: Seen): InstanceDecision {
  const replica = replicaIn(seen);
  if ('refused' in replica) return replica;
  const {name, flavor, replication} = replica;
  return {
    acts: [
      {act: 'stop', about: `stop replication of ${name}, once it has applied what it received`, drops: true, mustApply: true},
      say(`let ${name} forget its source`, flavor.forgetSource),
    ],
    expects: expect((after) => (after.replication ? `it still names ${after.replication.sourceHostAsWritten} as its source` : null)),
    remarks: [],
    record: `it followed ${replication.sourceHostAsWritten}`,
  };
}

export function planDetach(seen: Seen): InstanceDecision {
  const replica = replicaIn(seen);
  if ('refused' in replica) return replica;
  const {name, replication} = replica;
  if (isDetached(replication)) return {refused: `${name} is detached already: it points at ${replication.sourceHostAsWritten}`};
  const host = `${DETACHED_PREFIX}${replication.sourceHostAsWritten}`;
  return {
    acts: [stopToChange(replica), {act: 'rename-source', about: `point ${name} at ${host}, which is nobody`, host}],
    expects: both(STOPPED, expect(pointsAt(host))),
    remarks: [],
    record: `from ${replication.sourceHostAsWritten}`,
  };
}

export function planReattach(seen: Seen): InstanceDecision {
  const replica = replicaIn(seen);
  if ('refused' in replica) return replica;
  const {name, replication, flavor} = replica;
  if (!isDetached(replication)) return {refused: `${name} is not detached: it points at ${replication.sourceHostAsWritten}`};
  const host = replication.sourceHostAsWritten.slice(DETACHED_PREFIX.length);
  return {
    acts: [
      stopToChange(replica),
      {act: 'rename-source', about: `point ${name} at ${host} again`, host},
      say(`start replication of ${name}`, flavor.startReplication),
    ],
    expects: both(expect(pointsAt(host)), replicates(replica.instance)),
    remarks: [],
    record: `to ${host}`,
  };
}

function pointsAt(host: string): (after: Instance) => string | null {
  return ({replication}) => {
    const found = replication?.sourceHostAsWritten ?? 'nobody';
    return found === host ? null : `it points at ${found}`;
  };
}

export function planDelay(seen: Seen, delay: number): InstanceDecision {
  const replica = replicaIn(seen);
  if ('refused' in replica) return replica;
  const {name, flavor, replication, instance} = replica;
  const change = say(`let ${name} apply ${delay} s late`, flavor.commands.setDelay(delay));
  // Only the applier has to stop where the receiver runs on and keeps the relay log.
  const acts =
    flavor.commands.delaysWhileReceiving && replication.receiver.state !== 'stopped'
      ? [say(`stop the applier of ${name}`, flavor.stopApplier), change, ...startAsBefore(replica)]
      : [stopToChange(replica), change, ...startAsBefore(replica)];
  return {
    acts,
    expects: both(
      expect(({replication: now}) => (now?.delay === delay ? null : `its delay is ${now?.delay ?? 'unknown'}`)),
      asBefore(instance),
    ),
    remarks: [],
    record: `by ${delay} s, before ${replication.delay} s`,
  };
}
