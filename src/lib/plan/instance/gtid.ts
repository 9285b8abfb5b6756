import {GtidSet} from '../../model/gtid-set.ts';
import {isMariadb, type Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import {readMariadbPosition} from '../../model/mariadb-gtid.ts';
import {asBefore, both, expect} from './expectations.ts';
import {attachedIn, say, startAsBefore, stopToChange, usesGtid} from './threads.ts';
import type {InstanceDecision, InstanceRefusal, Seen} from './wish.ts';

export function planEnableGtid(seen: Seen): InstanceDecision {
  const replica = attachedIn(seen);
  if ('refused' in replica) return replica;
  const {name, replication, flavor, instance} = replica;
  if (usesGtid(replication)) return {refused: `${name} replicates by GTID already`};
  const why = whyNoGtid(seen);
  if (why) return why;
  return {
    acts: [stopToChange(replica), say(`let ${name} replicate by GTID`, flavor.commands.followByGtid), ...startAsBefore(replica)],
    expects: both(
      expect((after) => (after.replication && usesGtid(after.replication) ? null : 'it does not replicate by GTID')),
      asBefore(instance),
    ),
    remarks: [],
    record: '',
  };
}

/** Following by GTID begins where the server says it is: that has to be true, and the source has to have what comes after. */
function whyNoGtid({instance, above: [source], force}: Seen): InstanceRefusal | null {
  const name = keyText(instance.key);
  if (!isMariadb(instance) && !instance.gtid.supported) {
    return {refused: `${name} has gtid_mode ${instance.gtid.mode || 'OFF'}`, hint: 'set gtid_mode there first', code: 'NOT_SUPPORTED'};
  }
  if (force) return null;
  if (!source) {
    return {
      refused: `the source of ${name} could not be read, so it is not known whether it has what comes next`,
      hint: '--force goes on',
    };
  }
  return isMariadb(instance) ? whyNotMariadb(instance, source) : whyNotMysql(instance, source);
}

function whyNotMysql(instance: Instance, source: Instance): InstanceRefusal | null {
  const name = keyText(instance.key);
  if (!source.gtid.supported) return {refused: `${keyText(source.key)}, the source of ${name}, has no GTIDs`, code: 'NOT_SUPPORTED'};
  const [ours, purged] = [GtidSet.read(instance.gtid.executed), GtidSet.read(source.gtid.purged)];
  if (ours && purged && ours.contains(purged)) return null;
  const missing = ours && purged ? purged.subtract(ours).toString() : 'unknown';
  return {
    refused: `${keyText(source.key)} has purged transactions that ${name} does not count as its own: ${missing}`,
    hint: 'build the replica anew, or --force',
  };
}

function whyNotMariadb(instance: Instance, source: Instance): InstanceRefusal | null {
  const [ours, theirs] = [readMariadbPosition(instance.gtid.replicaPos), readMariadbPosition(source.gtid.binlogPos)];
  const missing = ours && theirs ? [...theirs.keys()].filter((domain) => !ours.has(domain)) : null;
  if (missing?.length === 0) return null;
  const where = missing ? `in domain ${missing.join(', ')}` : 'that can be read';
  return {
    refused: `${keyText(instance.key)} has no position ${where} of ${keyText(source.key)}: it would begin from the first transaction`,
    hint: 'let it apply a transaction of that domain first, set gtid_slave_pos there, or --force',
  };
}

export function planDisableGtid(seen: Seen): InstanceDecision {
  const replica = attachedIn(seen);
  if ('refused' in replica) return replica;
  const {name, replication, instance} = replica;
  if (!usesGtid(replication)) return {refused: `${name} does not replicate by GTID`};
  return {
    acts: [
      {act: 'await-position', about: `wait until ${name} says where it has applied to`},
      stopToChange(replica),
      {act: 'follow-by-position', about: `let ${name} replicate by file and position, from where it has applied to`},
      ...startAsBefore(replica),
    ],
    expects: both(
      expect((after) => (after.replication && !usesGtid(after.replication) ? null : 'it replicates by GTID still')),
      asBefore(instance),
    ),
    remarks: [],
    record: '',
  };
}
