import type {Analysis} from '../../analysis/analyze.ts';
import {GtidSet} from '../../model/gtid-set.ts';
import {isMariadb, isSource, type Instance} from '../../model/instance.ts';
import {keyText, sameKey} from '../../model/instance-key.ts';
import {BinlogState} from '../../model/mariadb-gtid.ts';
import type {Topology} from '../../model/topology.ts';
import type {Case} from '../contenders.ts';
import type {Decision} from '../plan.ts';
import {mending} from './decision.ts';

/**
 * Whether a source that is reachable and read-only is opened (RecoverNonWriteableMaster). One that somebody took the place of is not,
 * nor one that was detached from its source or follows another through a channel that is not managed, nor one whose data a writable source
 * elsewhere has: two would be written to.
 *
 * @param at.wishes.replacedBy who took its place, as far as that is on record
 */
export function planOpening(analysis: Analysis, topology: Topology, at: Case): Decision {
  const {failed: source} = at;
  const because = whyClosed(source, topology, at);
  if (because !== null)
    return {act: false, why: {code: 'needs-human', because: `${keyText(source.key)} stays read-only: ${because}`, candidates: []}};
  return mending(analysis, [{step: {do: 'open-source', on: source.key}, weight: 'must', stage: 0}]);
}

function whyClosed(source: Instance, topology: Topology, {wishes}: Case): string | null {
  if (wishes.replacedBy) return `${keyText(wishes.replacedBy)} took its place`;
  if (source.replication !== null) return 'it was detached from its source';
  if (source.otherChannels.length > 0) return `it replicates through channels that are not managed (${source.otherChannels.join(', ')})`;
  const heir = topology.instances.find((one) => !sameKey(one.key, source.key) && isSource(one) && !one.readOnly && hasDataOf(one, source));
  return heir ? `${keyText(heir.key)} has its transactions and is writable` : null;
}

/** MySQL: anything that was first written there, which its UUID tells. MariaDB, whose ids repeat: all that is in its binary logs. */
function hasDataOf(one: Instance, source: Instance): boolean {
  if (isMariadb(one) !== isMariadb(source)) return false;
  if (isMariadb(source)) {
    const [theirs, own] = [BinlogState.read(one.gtid.binlogState), BinlogState.read(source.gtid.binlogState)];
    return theirs !== null && own !== null && !own.isEmpty && theirs.containsAll(own) === 'yes';
  }
  const executed = GtidSet.read(one.gtid.executed);
  return executed !== null && source.serverUuid !== '' && !executed.onlyFrom([source.serverUuid]).isEmpty;
}
