import * as analysis from './recovery/analysis.ts';
import * as audit from './recovery/audit.ts';
import * as clusters from './information/clusters.ts';
import * as configuration from './service/configuration.ts';
import * as bulk from './instances/bulk.ts';
import * as clusterTools from './information/cluster-tools.ts';
import * as equivalents from './information/equivalents.ts';
import * as completion from './service/completion.ts';
import * as events from './service/events.ts';
import * as explaining from './recovery/explain.ts';
import * as domains from './information/domains.ts';
import * as lists from './information/lists.ts';
import * as names from './names/names.ts';
import * as pools from './pools/pools.ts';
import * as published from './information/published.ts';
import * as snapshots from './information/snapshots.ts';
import * as tokens from './access/tokens.ts';
import type {Operation} from './define.ts';
import * as gtid from './replication/gtid.ts';
import * as pseudoGtid from './replication/pseudo-gtid.ts';
import * as replication from './replication/server.ts';
import * as state from './replication/state.ts';
import * as threads from './replication/threads.ts';
import * as relocation from './relocation/one.ts';
import * as manyRelocations from './relocation/many.ts';
import * as matches from './relocation/match.ts';
import * as possible from './relocation/possible.ts';
import * as regroup from './relocation/regroup.ts';
import * as downtime from './instances/downtime.ts';
import * as instances from './information/instances.ts';
import * as simulation from './recovery/simulate.ts';
import * as locks from './recovery/locks.ts';
import * as management from './instances/management.ts';
import * as recovery from './recovery/recovery.ts';
import * as service from './service/service.ts';
import * as reprovisioning from './recovery/reprovision.ts';
import * as takeover from './recovery/takeover.ts';
import * as tags from './instances/tags.ts';

/** Every operation there is. Commands, routes, help and permissions derive from this list. */
export const ALL: readonly Operation[] = [
  clusters,
  clusterTools,
  domains,
  equivalents,
  snapshots,
  published,
  instances,
  lists,
  bulk,
  pools,
  names,
  tokens,
  analysis,
  explaining,
  management,
  downtime,
  tags,
  relocation,
  manyRelocations,
  matches,
  regroup,
  possible,
  threads,
  gtid,
  pseudoGtid,
  state,
  replication,
  recovery,
  simulation,
  takeover,
  reprovisioning,
  locks,
  audit,
  service,
  events,
  configuration,
  completion,
].flatMap((file) => Object.values(file).filter((one): one is Operation => typeof one === 'object' && 'prepare' in one));
