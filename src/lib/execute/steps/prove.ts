import {OrchestratorError} from '../../errors/errors.ts';
import {GtidSet} from '../../model/gtid-set.ts';
import {compareCoordinates, coordinatesIn, coordinatesText} from '../../model/binlog-coordinates.ts';
import type {Replication} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import {BinlogState, mariadbGtidText, readMariadbPosition} from '../../model/mariadb-gtid.ts';
import type {Topology} from '../../model/topology.ts';
import type {Proof} from '../../plan/plan.ts';
import type {Hand, Hands} from './hands.ts';
import {mustKnow} from './known.ts';
import {variableOn} from './variable.ts';

interface World {
  readonly topology: Topology;
  readonly hands: Hands;
}

/**
 * Sees that a successor has everything its siblings received, also what came between the making of the plan and the end of their
 * receivers, and that a source which promised to lose nothing can get no more acknowledgements.
 *
 * @throws OrchestratorError REPLICATION_BROKEN naming what the successor lacks; REFUSED where the promise cannot be shown to be kept
 */
export async function prove(world: World, proof: Proof): Promise<string> {
  const successor = await world.hands.on(mustKnow(world.topology, proof.on));
  const has = proof.stands ? await standsAt(world, proof.stands, proof.source) : await writtenOn(successor);
  const seen = await Promise.all(proof.others.map(async (other) => ({other, ...(await look(world, proof, other))})));
  const lacking = seen.flatMap(({other, now}) => {
    const seenNow = {now: now ?? '', before: other.received, has};
    const more = now === null ? '' : proof.stands ? further(seenNow) : beyond(successor, seenNow);
    return more === '' ? [] : [`${more}, which ${keyText(other.on)} received`];
  });
  if (lacking.length > 0) {
    throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(proof.on)} lacks ${lacking.join('; ')}`, {
      hint: 'it was received after the plan was made; the choice has to be made again',
    });
  }
  const open = seen.filter(({other, revoked}) => other.acknowledges && !revoked);
  if (proof.needed > 0 && proof.outOfHand + open.length >= proof.needed) {
    const who = [...open.map(({other}) => keyText(other.on)), ...(proof.outOfHand > 0 ? [`${proof.outOfHand} that were away`] : [])];
    throw new OrchestratorError(
      'REFUSED',
      `${keyText(proof.source)} was lossless (semi-sync, waiting for ${proof.needed}), and may be getting acknowledgements from ${who.join(', ')}`,
      {hint: 'stop replication there, or recover with --allow-data-loss'},
    );
  }
  const missed = seen.filter(({now}) => now === null).map(({other}) => keyText(other.on));
  return [`${keyText(proof.on)} has what the others received`, ...missed.map((name) => `${name} could not be asked`)].join('; ');
}

/** What one of them has received by now, null where it cannot be asked; and whether nothing more comes to it. */
async function look(
  {topology, hands}: World,
  proof: Proof,
  {on}: {readonly on: InstanceKey},
): Promise<{readonly now: string | null; readonly revoked: boolean}> {
  try {
    const status = await (await hands.on(mustKnow(topology, on))).replication();
    const receives = status !== null && sameKey(status.source, proof.source) && status.receiver.state !== 'stopped';
    return {now: proof.stands ? readOf(status, proof.source) : (status?.retrievedGtid ?? ''), revoked: !receives};
  } catch (error) {
    if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED') throw error;
    return {now: null, revoked: false};
  }
}

function readOf(status: Replication | null, source: InstanceKey): string {
  return status?.read && sameKey(status.source, source) ? coordinatesText(status.read) : '';
}

/** By file and position: up to where in the log of the old source all is applied. */
async function standsAt({topology, hands}: World, key: InstanceKey, source: InstanceKey): Promise<string> {
  const status = await (await hands.on(mustKnow(topology, key))).replication();
  if (status?.executed && sameKey(status.source, source)) return coordinatesText(status.executed);
  throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(key)} does not say where it stands in the log of ${keyText(source)}`);
}

/** Where one has read to in the same log since `before`, if that is beyond `has`; '' otherwise. */
function further({now, before, has}: {now: string; before: string; has: string}): string {
  if (now === '' || now === before) return '';
  return compareCoordinates(coordinatesIn(now), coordinatesIn(has)) > 0 ? `what comes up to ${now}` : '';
}

/** All that is in its binary logs, in its own notation. */
function writtenOn(hand: Hand): Promise<string> {
  return variableOn(hand, hand.flavor.gtid === 'domain-list' ? 'gtid_binlog_state' : 'gtid_executed');
}

/** What was received since `before` and is not in `has`; '' for nothing. */
function beyond({flavor}: Hand, {now, before, has}: {now: string; before: string; has: string}): string {
  if (now === before || now === '') return '';
  if (flavor.gtid !== 'domain-list') {
    const [set, known, there] = [now, before, has].map((text) => GtidSet.read(text));
    return set && known && there ? set.subtract(known).subtract(there).toString() : now;
  }
  const [position, known, there] = [readMariadbPosition(now), readMariadbPosition(before), BinlogState.read(has)];
  if (!position || !known || !there) return now;
  const grown = [...position.values()].filter((gtid) => mariadbGtidText(known.get(gtid.domain) ?? NOTHING) !== mariadbGtidText(gtid));
  return grown
    .filter((gtid) => there.contains(gtid) !== 'yes')
    .map(mariadbGtidText)
    .join(',');
}

const NOTHING = {domain: -1, server: -1, sequence: -1};
