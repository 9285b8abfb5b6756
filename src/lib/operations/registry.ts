import * as analysis from './recovery/analysis.ts';
import * as audit from './recovery/audit.ts';
import * as clusters from './information/clusters.ts';
import * as configuration from './service/configuration.ts';
import type {Operation} from './define.ts';
import * as downtime from './instances/downtime.ts';
import * as instances from './information/instances.ts';
import * as locks from './recovery/locks.ts';
import * as management from './instances/management.ts';
import * as recovery from './recovery/recovery.ts';
import * as service from './service/service.ts';
import * as tags from './instances/tags.ts';

/** Every operation there is. Commands, routes, help and permissions derive from this list. */
export const ALL: readonly Operation[] = [
  clusters,
  instances,
  analysis,
  management,
  downtime,
  tags,
  recovery,
  locks,
  audit,
  service,
  configuration,
].flatMap((file) => Object.values(file).filter((one): one is Operation => typeof one === 'object' && 'prepare' in one));
