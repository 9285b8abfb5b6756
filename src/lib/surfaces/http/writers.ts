import type {Config} from '../../config/keys.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import type {Found} from '../../operations/recovery/analysis.ts';
import type {ClusterInfo} from '../../operations/reads.ts';
import type {ReplyShape} from '../../operations/replies.ts';
import {analysisJson} from '../legacy-json/analysis.ts';
import {clusterInfoJson} from '../legacy-json/cluster-info.ts';
import {instanceJson} from '../legacy-json/instance.ts';
import {auditJson, changelogJson, logPlaceJson, poolsJson, promotionRuleJson} from '../legacy-json/lists.ts';
import {maintenanceJson} from '../legacy-json/maintenance.ts';
import type {LastingRule} from '../../operations/instances/bulk.ts';
import type {AuditRecord} from '../../store/audit.ts';
import type {LogPlace} from '../../store/equivalence.ts';
import type {PoolMember} from '../../store/pools.ts';
import type {Changelog} from '../../store/recovery/analysis-changelog.ts';
import type {Maintenance} from '../../store/maintenance.ts';
import type {Detection} from '../../store/recovery/detections.ts';
import type {BlockedRecovery, Recovery, RecoveryStep} from '../../store/recovery/recoveries.ts';
import {blockedRecoveryJson, detectionJson, recoveryJson, stepJson} from '../legacy-json/recovery.ts';
import {keyJson, keysJson, type Json} from '../legacy-json/values.ts';

/** What each shape is written from; a route's `from` has to give this. */
interface Shapes {
  readonly instance: Instance;
  readonly instances: readonly Instance[];
  readonly key: InstanceKey;
  readonly keys: readonly InstanceKey[];
  readonly 'cluster-info': ClusterInfo;
  readonly 'cluster-infos': readonly ClusterInfo[];
  readonly analyses: readonly Found[];
  /** Null where none was written down. */
  readonly recovery: Recovery | null;
  readonly recoveries: readonly Recovery[];
  readonly 'recovery-steps': readonly RecoveryStep[];
  readonly detections: readonly Detection[];
  readonly 'blocked-recoveries': readonly BlockedRecovery[];
  readonly maintenances: readonly Maintenance[];
  readonly audit: readonly AuditRecord[];
  readonly changelog: readonly Changelog[];
  readonly pools: readonly PoolMember[];
  readonly 'promotion-rules': readonly LastingRule[];
  readonly 'log-places': readonly LogPlace[];
  /** JSON as it is. */
  readonly plain: Json;
  readonly nothing: unknown;
}

const WRITERS: {readonly [Shape in ReplyShape]: (value: Shapes[Shape], config: Config) => Json} = {
  instance: instanceJson,
  instances: (all, config) => all.map((one) => instanceJson(one, config)),
  key: keyJson,
  keys: keysJson,
  'cluster-info': clusterInfoJson,
  'cluster-infos': (all, config) => all.map((one) => clusterInfoJson(one, config)),
  analyses: (all, config) => all.map((one) => analysisJson(one, config)),
  recovery: (one, config) => (one ? recoveryJson(one, config) : null),
  recoveries: (all, config) => all.map((one) => recoveryJson(one, config)),
  'recovery-steps': (all) => all.map(stepJson),
  detections: (all, config) => all.map((one) => detectionJson(one, config)),
  'blocked-recoveries': (all) => all.map(blockedRecoveryJson),
  maintenances: (all) => all.map(maintenanceJson),
  audit: (all) => all.map(auditJson),
  changelog: (all) => all.map(changelogJson),
  pools: poolsJson,
  'promotion-rules': (all) => all.map(promotionRuleJson),
  'log-places': (all) => all.map(logPlaceJson),
  plain: (value) => value,
  nothing: () => null,
};

/** The result of an operation in a legacy shape. Results are opaque here; that shape and result fit is what tests of routes hold. */
export function writeShape(shape: ReplyShape, value: unknown, config: Config): Json {
  const write = WRITERS[shape] as (value: unknown, config: Config) => Json;
  return write(value, config);
}
