import {GtidSet} from '../model/gtid-set.ts';
import {isMariadb, type Instance} from '../model/instance.ts';
import type {Topology} from '../model/topology.ts';
import {BinlogState, mariadbGtidText} from '../model/mariadb-gtid.ts';
import type {Case} from './contenders.ts';

/**
 * The case of a dead co-source as one of a dead source: its partner takes its place where the configuration wants that or the partner is
 * written to anyway, else any of its replicas may. What the partner wrote itself is no stranger to it.
 */
export function asDeadSource(at: Case, topology: Topology): Case {
  const {failed, policy, wishes} = at;
  const partner = topology.get(failed.replication?.source);
  if (!partner) return at;
  const must = policy.CoMasterRecoveryMustPromoteOtherCoMaster || !partner.readOnly;
  return {
    policy,
    failed: knowing(failed, partner),
    wishes: must && !wishes.candidate ? {...wishes, candidate: partner.key} : wishes,
  };
}

/** As if it had been read after everything its partner wrote had come round. */
function knowing(failed: Instance, partner: Instance): Instance {
  const {gtid} = failed;
  if (isMariadb(failed)) {
    const own = (BinlogState.read(partner.gtid.binlogState) ?? BinlogState.empty).gtids().filter(({server}) => server === partner.serverId);
    const binlogState = [gtid.binlogState, ...own.map(mariadbGtidText)].filter((text) => text !== '').join(',');
    return {...failed, gtid: {...gtid, binlogState}};
  }
  const [known, theirs] = [GtidSet.read(gtid.executed), GtidSet.read(partner.gtid.executed)];
  if (!known || !theirs) return failed;
  return {...failed, gtid: {...gtid, executed: known.union(theirs.onlyFrom([partner.serverUuid])).toString()}};
}
