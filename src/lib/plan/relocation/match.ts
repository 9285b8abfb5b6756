import {compareCoordinates} from '../../model/binlog-coordinates.ts';
import {isBinlogServer, type Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import {usesPseudoGtid} from '../pseudo-gtid/marks.ts';
import type {Hop} from './hops.ts';
import {no, type RelocationCase, type RelocationRefusal} from './plan.ts';
import {areSiblings} from './vetoes.ts';

/** To the place that a comparison of logs finds. */
export function matchHop(target: Instance): Extract<Hop, {readonly by: 'pseudo-gtid'}> {
  return {by: 'pseudo-gtid', to: target.key};
}

/** What speaks against moving by Pseudo-GTID, as far as it is known before the logs are read. */
export function whyNoMatch(mover: Instance, target: Instance, at: RelocationCase): RelocationRefusal | null {
  return whyNotMarked(mover, target, at) ?? whyAhead(mover, target, at);
}

function whyNotMarked(mover: Instance, target: Instance, {policy}: RelocationCase): RelocationRefusal | null {
  const {usingOracleGtid, usingMariadbGtid} = mover.replication ?? {};
  if (usingOracleGtid || usingMariadbGtid)
    return no(
      'uses-gtid',
      `${keyText(mover.key)} replicates by GTID, and Pseudo-GTID is for those that do not`,
      'relocate moves it by GTID',
    );
  const server = [mover, target].find(isBinlogServer);
  if (server) return no('binlog-server', `${keyText(server.key)} is a binlog server, whose logs cannot be read by statements`);
  const unmarked = [mover, target].find((one) => !usesPseudoGtid(one, policy));
  if (!unmarked) return null;
  return policy.PseudoGTIDPattern === ''
    ? no('needs-pseudo-gtid', 'Pseudo-GTID is not in use: PseudoGTIDPattern is empty', 'AutoPseudoGTID switches it on')
    : no(
        'needs-pseudo-gtid',
        `${keyText(unmarked.key)} is not known to use Pseudo-GTID`,
        'DetectPseudoGTIDQuery has to answer 1 there; with AutoPseudoGTID, entries have to reach it first',
      );
}

/** What one received of a source that is gone, and its sibling did not, would be on nobody who is followed. */
function whyAhead(mover: Instance, target: Instance, {topology}: RelocationCase): RelocationRefusal | null {
  const [own, its] = [mover.replication?.read, target.replication?.read];
  if (!own || !its || !areSiblings(mover, target) || topology.sourceOf(mover)?.check.valid) return null;
  if (compareCoordinates(own, its) <= 0) return null;
  return no(
    'ahead',
    `${keyText(mover.key)} received more of their source than ${keyText(target.key)}, which could never send it what comes next`,
    'move the other one below it',
  );
}
