import * as analysis from './analysis.ts';
import * as audit from './audit.ts';
import * as clusters from './clusters.ts';
import * as configuration from './configuration.ts';
import type {Operation} from './define.ts';
import * as downtime from './downtime.ts';
import * as instances from './instances.ts';
import * as locks from './locks.ts';
import * as management from './management.ts';
import * as recovery from './recovery.ts';
import * as service from './service.ts';
import * as tags from './tags.ts';

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
