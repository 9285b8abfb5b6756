import {flushBinlog} from '../../flavor/commands/words.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import {compareCoordinates, fileNumber} from '../../model/binlog-coordinates.ts';
import {DETACHED_PREFIX, keyText, sameKey} from '../../model/instance-key.ts';
import {isReplica, type Instance} from '../../model/instance.ts';
import {asBefore, both, expect, replicates} from './expectations.ts';
import {attachedIn, dropsWhenStopped, replicaIn, say} from './threads.ts';
import type {InstanceAct, InstanceDecision, InstanceRefusal, Seen} from './wish.ts';

/** A number typed wrong must not fill a server with files. */
const MOST_FLUSHES = 1000;

export function planReadOnly({instance, useSuperReadOnly}: Seen, on: boolean): InstanceDecision {
  const flavor = flavorOf(instance);
  const name = keyText(instance.key);
  const superToo = useSuperReadOnly && flavor.hasSuperReadOnly;
  return {
    acts: [say(`switch read_only of ${name} ${on ? 'on' : 'off'}`, ...flavor.setReadOnly(on, superToo))],
    expects: expect((after) => {
      if (after.readOnly !== on) return `its read_only is ${after.readOnly ? 'on' : 'off'}`;
      return superToo && after.superReadOnly !== on ? `its super_read_only is ${after.superReadOnly === true ? 'on' : 'off'}` : null;
    }),
    remarks: !on && isReplica(instance) ? [`${name} is a replica, and now takes writes of its own`] : [],
    record: `set as ${on}`,
  };
}

export function planSemiSync({instance}: Seen, role: 'source' | 'replica', on: boolean): InstanceDecision {
  const flavor = flavorOf(instance);
  const name = keyText(instance.key);
  if (!instance.semiSync.words) {
    return {refused: `${name} has no semi-sync plugin loaded`, hint: 'install the plugins there', code: 'NOT_SUPPORTED'};
  }
  const replica = role === 'replica' ? replicaIn({instance}) : null;
  if (replica && 'refused' in replica) return replica;
  const changes = instance.semiSync.replicaEnabled !== on && replica?.replication.receiver.state !== 'stopped';
  const unsafe = replica !== null && dropsWhenStopped(replica) && replica.replication.applier.state === 'stopped';
  const restart = replica && changes && !unsafe ? [say(`restart the receiver of ${name}`, flavor.stopReceiver, flavor.startReceiver)] : [];
  const wanted = expect(({semiSync}) =>
    (role === 'source' ? semiSync.sourceEnabled : semiSync.replicaEnabled) === on ? null : `semi-sync is still ${on ? 'off' : 'on'}`,
  );
  return {
    acts: [
      say(`switch semi-sync of ${name} as a ${role} ${on ? 'on' : 'off'}`, flavor.setSemiSync(role, on, instance.semiSync)),
      ...restart,
    ],
    expects: replica ? both(wanted, asBefore(instance)) : wanted,
    remarks: replica && changes && unsafe ? [`it counts from the next start of the receiver of ${name}, whose applier does not run`] : [],
    record: '',
  };
}

export function planFlush({instance}: Seen, until: string | null): InstanceDecision {
  const name = keyText(instance.key);
  const now = instance.binlog.at?.file;
  if (now === undefined) return {refused: `${name} writes no binary log`};
  const distance = until === null ? 1 : distanceTo(until, now);
  if (distance === null) return {refused: `${until} is no binary log of ${name}, which writes ${now}`, code: 'INPUT_INVALID'};
  if (distance < 0) return {refused: `${name} writes ${now} already, which comes after ${until}`};
  if (distance > MOST_FLUSHES) return {refused: `${until} is ${distance} files away from ${now}`, hint: 'name a nearer one'};
  const wanted = fileNumber(now) + distance;
  return {
    acts:
      distance === 0 ? [] : [say(`begin ${distance} new binary logs on ${name}`, ...Array<typeof flushBinlog>(distance).fill(flushBinlog))],
    expects: expect(({binlog}) => (binlog.at && fileNumber(binlog.at.file) >= wanted ? null : `it writes ${binlog.at?.file ?? 'no file'}`)),
    remarks: distance === 0 ? [`${name} writes ${now} already`] : [],
    record: `${distance} times`,
  };
}

function distanceTo(until: string, now: string): number | null {
  const [base, other] = [now, until].map((file) => file.replace(/\d+$/, ''));
  return base === other && fileNumber(until) > 0 ? fileNumber(until) - fileNumber(now) : null;
}

/** @param given a file, or `latest` for the one being written */
export function planPurge(seen: Seen, given: string): InstanceDecision {
  const {instance, binlogs} = seen;
  const name = keyText(instance.key);
  const before = given === 'latest' ? binlogs.at(-1) : given;
  if (before === undefined) return {refused: `${name} writes no binary log`};
  if (!binlogs.includes(before)) {
    return {refused: `${name} has no binary log ${before}`, hint: `it has ${binlogs[0]} to ${binlogs.at(-1)}`, code: 'NOT_FOUND'};
  }
  const unsafe = seen.replicas.map((replica) => whoNeeds(seen.instance, replica, before)).find((why) => why !== null);
  if (unsafe && !seen.force) return unsafe;
  return {
    acts: [{act: 'purge', about: `remove the binary logs of ${name} before ${before}`, before}],
    expects: expect(() => null),
    remarks: unsafe ? [`${unsafe.refused}; done all the same`] : [],
    record: `before ${before}`,
  };
}

/** A detached replica may come back; one that cannot be read may be anywhere. */
function whoNeeds(source: Instance, {key, instance}: Seen['replicas'][number], before: string): InstanceRefusal | null {
  const name = keyText(key);
  const hint = '--force removes them all the same';
  if (!instance) return {refused: `replica ${name} cannot be read, so it is not known what it still needs`, hint};
  const {replication} = instance;
  const isOurs = sameKey(replication?.source, source.key) || replication?.sourceHostAsWritten === `${DETACHED_PREFIX}${source.key.host}`;
  if (!replication || !isOurs) return null;
  const at = replication.executed;
  if (at && compareCoordinates({file: before, position: 0}, at) < 0) return null;
  return {refused: `replica ${name} has applied only up to ${at ? `${at.file}:${at.position}` : 'an unknown position'}`, hint};
}

export function planSkip(seen: Seen): InstanceDecision {
  const replica = attachedIn(seen);
  if ('refused' in replica) return replica;
  const {name, instance, replication} = replica;
  if (replication.applier.state !== 'stopped') return {refused: `the applier of ${name} runs: there is nothing to skip`};
  if (replication.applier.errno === 0) return {refused: `the applier of ${name} was stopped without an error: there is nothing to skip`};
  const how: Extract<InstanceAct, {act: 'skip'}>['how'] = instance.gtid.supported ? 'empty-transaction' : 'counter';
  return {
    acts: [{act: 'skip', about: `skip what the applier of ${name} failed at (error ${replication.applier.errno})`, how}],
    expects: replicates(instance),
    remarks: [],
    record: `error ${replication.applier.errno}: ${replication.applier.error}`,
  };
}
