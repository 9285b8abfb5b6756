import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Backend} from '../../store/backend.ts';
import {formerCoordinates, type FormerCoordinates} from '../../store/coordinates-history.ts';
import {equivalentsOf, writeEquivalence, type LogPlace} from '../../store/equivalence.ts';

/** What is written down about places in logs, for steps that go by file and position. */
export interface Places {
  /** Two places are one: who has applied up to the first may go on at the second. */
  equivalent(one: LogPlace, other: LogPlace): Promise<void>;
  /** Where one goes on below `target` who has applied up to `place`; null where nobody wrote it down. */
  known(place: LogPlace, target: InstanceKey): Promise<BinlogCoordinates | null>;
  /** Where the logs of an instance ended some minutes ago, as far as somebody wrote it down. */
  former(key: InstanceKey): Promise<FormerCoordinates | null>;
}

export function placesIn(backend: Backend): Places {
  return {
    equivalent: (one, other) => writeEquivalence(backend, one, other),
    known: async (place, target) => (await equivalentsOf(backend, place)).find(({key}) => sameKey(key, target))?.at ?? null,
    former: (key) => formerCoordinates(backend, key),
  };
}
