export {BACKENDS, backendHost, type BackendHost, type BackendKind} from './backends.ts';
export type {HookList, HookRun} from './hook-log.ts';
export {detectionsAt, downtimesAt, recoveriesOf, recoveryOf, stepsOf, type RecoveryRow} from './recoveries.ts';
export {breakApplier, delay, holdApplier, insert, insertErrant, receivedAll, startThread, stopThread} from './replicas.ts';
export {Service} from './service.ts';
export {rows, site, watching, type Site, type SiteOptions} from './site.ts';
export {idsOn, standingOf, topologyNow, type Standing} from './topology-now.ts';
export {witness, type Witness} from './witness.ts';
