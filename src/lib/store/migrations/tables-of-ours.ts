import type {Table} from './table.ts';

/** What has been migrated, and by which version; a row without `applied_at` has been begun and not finished. */
export const LEDGER: Table = {
  name: 'orchestrator_migration',
  columns: {
    number: 'int not null',
    name: 'varchar(128) not null',
    breaking: 'tinyint not null',
    applied_at: 'timestamp null default null',
    app_version: 'varchar(64) not null',
  },
  primary: ['number'],
  indexes: [],
};

/** Columns of ours in tables of 3.2.6: defaulted, so that its statements go on working. */
export const COLUMNS_OF_OURS: readonly {readonly table: string; readonly column: string; readonly definition: string}[] = [
  {table: 'active_node', column: 'renewals', definition: 'bigint not null default 0'},
];

const LEADER_TERM: Table = {
  // the term does not live in active_node: 3.2.6 replaces or deletes that row on grab and reelect
  name: 'leader_term',
  columns: {anchor: 'tinyint not null', term: 'bigint not null'},
  primary: ['anchor'],
  indexes: [],
};

/** With the server that the last leader was elected on: by it anybody learns that an asynchronous backend is another one now. */
export const TERM_WITH_PLACE: Table = {
  ...LEADER_TERM,
  columns: {...LEADER_TERM.columns, elected_on: "varchar(300) character set utf8 not null default ''"},
};

/** Tables of ours, beside those of 3.2.6, which neither knows nor touches them. */
export const TABLES_OF_OURS: readonly Table[] = [
  LEADER_TERM,
  {
    name: 'cluster_lock',
    columns: {
      lock_id: 'varchar(64) not null',
      holder_hostname: 'varchar(128) not null',
      holder_token: 'varchar(128) not null',
      purpose: 'varchar(255) character set utf8 not null',
      cluster_name: "varchar(128) not null default ''",
      fence: 'bigint not null',
      heartbeat: 'bigint not null default 0',
      acquired_at: 'timestamp not null default current_timestamp',
    },
    primary: ['lock_id'],
    indexes: [{name: 'cluster_name_idx_cluster_lock', columns: ['cluster_name']}],
  },
  {
    name: 'cluster_lock_member',
    columns: {hostname: 'varchar(128) not null', port: 'smallint unsigned not null', lock_id: 'varchar(64) not null'},
    primary: ['hostname', 'port'],
    indexes: [{name: 'lock_id_idx_cluster_lock_member', columns: ['lock_id']}],
  },
  {
    // where fences come from; its row is never deleted, so that no fence is given twice
    name: 'cluster_lock_fence',
    columns: {anchor: 'tinyint not null', fence: 'bigint not null'},
    primary: ['anchor'],
    indexes: [],
  },
  {
    name: 'cluster_lock_session',
    columns: {
      lock_id: 'varchar(64) not null',
      hostname: 'varchar(128) not null',
      port: 'smallint unsigned not null',
      connection_id: 'bigint unsigned not null',
    },
    primary: ['lock_id', 'hostname', 'port', 'connection_id'],
    indexes: [],
  },
  {
    name: 'recovery_plan',
    columns: {
      uid: 'varchar(128) not null',
      recovery_id: 'bigint unsigned not null default 0',
      lock_id: 'varchar(64) not null',
      cluster_name: 'varchar(128) not null',
      kind: 'varchar(64) not null',
      state: 'varchar(16) not null',
      fence: 'bigint not null',
      plan: 'mediumtext character set utf8mb4 not null',
      created_at: 'timestamp not null default current_timestamp',
      ended_at: 'timestamp null default null',
      outcome: 'text character set utf8mb4',
    },
    primary: ['uid'],
    indexes: [
      {name: 'state_idx_recovery_plan', columns: ['state', 'created_at']},
      {name: 'lock_id_idx_recovery_plan', columns: ['lock_id']},
    ],
  },
  {
    name: 'recovery_plan_step',
    columns: {
      uid: 'varchar(128) not null',
      step_number: 'int not null',
      description: 'text character set utf8mb4 not null',
      state: 'varchar(16) not null',
      attempt: 'int not null default 0',
      started_at: 'timestamp null default null',
      finished_at: 'timestamp null default null',
      outcome: 'text character set utf8mb4',
    },
    primary: ['uid', 'step_number'],
    indexes: [],
  },
  {
    // whether the hooks of a detection have run, so that a new leader runs those of a dead one
    name: 'failure_detection_hook',
    columns: {
      detection_id: 'bigint unsigned not null',
      state: 'varchar(16) not null',
      attempt: 'int not null default 0',
      started_at: 'timestamp null default null',
      finished_at: 'timestamp null default null',
      outcome: 'text character set utf8mb4',
    },
    primary: ['detection_id'],
    indexes: [],
  },
  {
    /*
     * What a reading has and database_instance has no column for. `probe_started_at` counts microseconds on the backend's clock.
     * `last_seen` repeats database_instance's at the time of writing: where the two differ, 3.2.6 has written since, and `detail`
     * belongs to an older reading.
     */
    name: 'instance_detail',
    columns: {
      hostname: 'varchar(128) not null',
      port: 'smallint unsigned not null',
      probe_started_at: 'bigint not null default 0',
      last_seen: 'timestamp null default null',
      reach: "varchar(16) not null default 'never-tried'",
      errno: 'int not null default 0',
      detail: 'mediumtext character set utf8mb4',
    },
    primary: ['hostname', 'port'],
    indexes: [],
  },
];

/** What was forgotten, and until when it is kept out. */
export const FORGOTTEN: Table = {
  name: 'forgotten_instance',
  columns: {
    hostname: 'varchar(128) not null',
    port: 'smallint unsigned not null',
    kept_out_until: 'timestamp not null default current_timestamp',
  },
  primary: ['hostname', 'port'],
  indexes: [],
};

/** What other nodes and people are told: why the leader does not act, and what happened. */
export const TABLES_OF_NEWS: readonly Table[] = [
  {
    name: 'recovery_refusal',
    columns: {
      hostname: 'varchar(128) not null',
      port: 'smallint unsigned not null',
      cluster_name: 'varchar(128) not null',
      analysis: 'varchar(128) not null',
      code: 'varchar(64) not null',
      because: 'text character set utf8mb4 not null',
      candidates: 'mediumtext character set utf8mb4 not null',
      node_hostname: 'varchar(128) not null',
      term: 'bigint not null',
      refused_at: 'timestamp not null default current_timestamp',
    },
    primary: ['hostname', 'port'],
    indexes: [],
  },
  {
    /*
     * Numbered by `topology_event_counter` in the transaction that writes them, so that they become visible in the order of their
     * numbers whatever node they are read from; auto_increment promises no such thing. `open_subject` names what was opened and not closed.
     */
    name: 'topology_event',
    columns: {
      event_id: 'bigint not null',
      kind: 'varchar(32) not null',
      cluster_name: "varchar(128) not null default ''",
      hostname: "varchar(128) not null default ''",
      port: 'smallint unsigned not null default 0',
      open_subject: 'varchar(255) default null',
      body: 'mediumtext character set utf8mb4 not null',
      created_at: 'timestamp not null default current_timestamp',
    },
    primary: ['event_id'],
    indexes: [
      {name: 'open_subject_idx_topology_event', columns: ['open_subject']},
      {name: 'created_at_idx_topology_event', columns: ['created_at']},
    ],
  },
  {
    name: 'topology_event_counter',
    // purged_id: the highest number that was taken away for its age
    columns: {anchor: 'tinyint not null', last_id: 'bigint not null', purged_id: 'bigint not null default 0'},
    primary: ['anchor'],
    indexes: [],
  },
];
