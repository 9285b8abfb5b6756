import {copy, isSet, put, type Draft, type Say} from './draft.ts';

type Adjustment = (draft: Draft, say: Say) => void;

/** What 3.2.6 does to the values after each file, in its order; credentials, its first three, are in `credentials.ts`. */
const ADJUSTMENTS: readonly Adjustment[] = [
  recoveryPeriod,
  lagQuery,
  lostReplicas,
  ({values}) => void (values.MasterFailoverDetachReplicaMasterHost ||= values.MasterFailoverDetachSlaveMasterHost),
  applierOptions,
  lagLimit,
  postponedReplicas,
  ({values}) => void (values.URLPrefix = values.URLPrefix.replace(/^\/*(.*?)\/*$/, '/$1').replace(/^\/$/, '')),
  sqliteFile,
  raftAddresses,
  ({values}) => void (values.KVClusterMasterPrefix = values.KVClusterMasterPrefix.replace(/\/*$/, '/')),
  pseudoGtid,
  advertisedUrl,
  ({values}) => void (values.ReasonableLockedSemiSyncMasterSeconds ||= Math.max(0, values.ReasonableReplicationLagSeconds)),
];

/** Brings synonyms together, normalises, and reports what contradicts itself. Bears repetition: it runs after each file. */
export function adjust(draft: Draft, say: Say): void {
  for (const adjustment of ADJUSTMENTS) adjustment(draft, say);
}

function recoveryPeriod(draft: Draft, say: Say): void {
  const {values} = draft;
  if (values.RecoveryPeriodBlockSeconds === 0 && values.RecoveryPeriodBlockMinutes > 0) {
    put(draft, 'RecoveryPeriodBlockSeconds', {
      value: values.RecoveryPeriodBlockMinutes * 60,
      origin: draft.origin.RecoveryPeriodBlockMinutes,
    });
  } else if (isSet(draft, 'RecoveryPeriodBlockMinutes') && values.RecoveryPeriodBlockMinutes * 60 !== values.RecoveryPeriodBlockSeconds) {
    say(
      'suspicious',
      'RecoveryPeriodBlockMinutes',
      `RecoveryPeriodBlockMinutes has no effect: RecoveryPeriodBlockSeconds is ${values.RecoveryPeriodBlockSeconds}, not 0`,
      'set RecoveryPeriodBlockSeconds instead',
    );
  }
}

function lagQuery(draft: Draft, say: Say): void {
  const {SlaveLagQuery: former, ReplicationLagQuery: present} = draft.values;
  if (former !== '' && present !== '' && former !== present) {
    say(
      'CONFIG_INVALID',
      'SlaveLagQuery',
      'SlaveLagQuery and ReplicationLagQuery are two names of one key, found different values',
      'remove SlaveLagQuery',
    );
  }
  if (present === '' && former !== '') copy(draft, 'SlaveLagQuery', 'ReplicationLagQuery');
  put(draft, 'SlaveLagQuery', {value: '', origin: 'default'});
}

function lostReplicas(draft: Draft, say: Say): void {
  const {values} = draft;
  if (!values.DetachLostSlavesAfterMasterFailover) return;
  if (isSet(draft, 'DetachLostReplicasAfterMasterFailover') && !values.DetachLostReplicasAfterMasterFailover) {
    say(
      'suspicious',
      'DetachLostReplicasAfterMasterFailover',
      'DetachLostReplicasAfterMasterFailover: false has no effect while DetachLostSlavesAfterMasterFailover is true, its default',
      'set both to false',
    );
  }
  values.DetachLostReplicasAfterMasterFailover = true;
}

function applierOptions({values}: Draft, say: Say): void {
  if (!values.FailMasterPromotionIfSQLThreadNotUpToDate || !values.DelayMasterPromotionIfSQLThreadNotUpToDate) return;
  say(
    'CONFIG_INVALID',
    'DelayMasterPromotionIfSQLThreadNotUpToDate',
    'FailMasterPromotionIfSQLThreadNotUpToDate and DelayMasterPromotionIfSQLThreadNotUpToDate exclude each other, found both true',
    'choose whether to refuse or to wait',
  );
}

function lagLimit({values}: Draft, say: Say): void {
  if (values.FailMasterPromotionOnLagMinutes === 0 || values.ReplicationLagQuery !== '') return;
  say(
    'CONFIG_INVALID',
    'FailMasterPromotionOnLagMinutes',
    `FailMasterPromotionOnLagMinutes (${values.FailMasterPromotionOnLagMinutes}) needs ReplicationLagQuery, which is empty`,
    'give ReplicationLagQuery: the lag that a replica reports of itself ends with its source',
  );
}

function postponedReplicas(draft: Draft, say: Say): void {
  const {PostponeSlaveRecoveryOnLagMinutes: former, PostponeReplicaRecoveryOnLagMinutes: present} = draft.values;
  if (former !== 0 && present !== 0 && former !== present) {
    say(
      'CONFIG_INVALID',
      'PostponeSlaveRecoveryOnLagMinutes',
      `PostponeSlaveRecoveryOnLagMinutes and PostponeReplicaRecoveryOnLagMinutes are two names of one key, found ${former} and ${present}`,
      'remove PostponeSlaveRecoveryOnLagMinutes',
    );
  }
  if (former !== 0) copy(draft, 'PostponeSlaveRecoveryOnLagMinutes', 'PostponeReplicaRecoveryOnLagMinutes');
}

function sqliteFile({values}: Draft, say: Say): void {
  if (!values.BackendDB.includes('sqlite') || values.SQLite3DataFile !== '') return;
  say(
    'CONFIG_INVALID',
    'SQLite3DataFile',
    `SQLite3DataFile must name a file when BackendDB is ${JSON.stringify(values.BackendDB)}, found none`,
    'give the path of a file to keep',
  );
}

function raftAddresses({values}: Draft, say: Say): void {
  for (const key of ['RaftDataDir', 'RaftBind'] as const) {
    if (values.RaftEnabled && values[key] === '') say('CONFIG_INVALID', key, `${key} must not be empty when RaftEnabled is true`);
  }
}

function pseudoGtid(draft: Draft): void {
  if (!draft.values.AutoPseudoGTID) return;
  const origin = draft.origin.AutoPseudoGTID;
  put(draft, 'PseudoGTIDPattern', {value: 'drop view if exists `_pseudo_gtid_`', origin});
  put(draft, 'PseudoGTIDPatternIsFixedSubstring', {value: true, origin});
  put(draft, 'PseudoGTIDMonotonicHint', {value: 'asc:', origin});
  put(draft, 'DetectPseudoGTIDQuery', {value: 'select 1', origin});
}

function advertisedUrl({values}: Draft, say: Say): void {
  if (values.HTTPAdvertise === '') return;
  const [, scheme, user, host, port, path] =
    /^(?:([a-z][a-z0-9+.-]*):)?\/\/([^/@]*@)?(\[[^\]]*\]|[^/:]*)(?::(\d+))?(.*)$/i.exec(values.HTTPAdvertise) ?? [];
  const rules: readonly (readonly [kept: boolean, expected: string])[] = [
    [!!scheme, 'a scheme (http:// or https://), found none'],
    [user === undefined, 'no user or password, found one'],
    [!!host, 'a host, found none'],
    [!!port, 'a port, found none'],
    [!path, 'no path, found one'],
  ];
  const broken = rules.find(([kept]) => !kept);
  if (broken) say('CONFIG_INVALID', 'HTTPAdvertise', `HTTPAdvertise must have ${broken[1]}`, 'write it as http://host:port');
}
