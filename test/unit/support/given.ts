import {clusterFacts} from '../../../src/lib/model/cluster-facts.ts';
import type {Check, Instance, Replication, SemiSync, Thread, Wishes} from '../../../src/lib/model/instance.ts';
import {keyText, type InstanceKey} from '../../../src/lib/model/instance-key.ts';
import {Topology} from '../../../src/lib/model/topology.ts';

/** What a case says about one instance; everything else is as in a healthy cluster. Nested: `{replication: {applier: {errno: 1}}}`. */
export type But = Partial<{readonly reachable: boolean}> & Nested<Instance>;
type Nested<Value> = {
  readonly [Key in keyof Value]?: Value[Key] extends readonly unknown[] | string | number | boolean | null
    ? Value[Key]
    : NonNullable<Value[Key]> extends readonly unknown[]
      ? Value[Key]
      : Nested<NonNullable<Value[Key]>> | Extract<Value[Key], null>;
};

/** Killed: refuses connections. */
export const down: But = {reachable: false};
/** Up, but its receiver cannot connect to its source (2003). */
export const broken: But = {replication: {receiver: {state: 'other', errno: 2003, error: 'error connecting'}}};
/** Up; somebody stopped replication. */
export const stopped: But = {replication: {receiver: {state: 'stopped', errno: 0, error: ''}, applier: {state: 'stopped'}}};
/** Its receiver still believes to be connected; the applier was stopped. */
export const applierStopped: But = {replication: {applier: {state: 'stopped'}}};
/** The server answers with an error of its own: 1040, too many connections. */
export const full: But = {check: {valid: false, reach: 'alive', errno: 1040}};

/** Several things said about one instance; the last word counts. */
export const and = (...buts: readonly But[]): But => buts.reduce((all, one) => merge(all, one), {});

export const key = (name: string, port = 3306): InstanceKey => ({host: name, port});
export const uuid = (name: string): string =>
  `${name.padStart(8, '0').replace(/[^0-9a-f]/g, (c) => (c.charCodeAt(0) % 16).toString(16))}-0000-0000-0000-000000000000`;
export const serverId = (name: string): number => name.charCodeAt(0) - 96;

export interface Kind {
  readonly flavor?: 'MySQL' | 'MariaDB';
  /** False: replication by file and position. */
  readonly gtid?: boolean;
}

/**
 * A topology from a sketch: `a: b c; b: d` is a with replicas b and c, and d below b; `a:` stands alone. Names are single
 * letters: host `a`, port 3306, server id 1. Each received and applied 100 transactions of the source on top.
 */
export function given(sketch: string, but: Readonly<Record<string, But>> = {}, kind: Kind = {}): Topology {
  const lines = sketch.split(';').map((line) => line.split(':').map((part) => part.trim().split(/\s+/).filter(Boolean)));
  const sourceOf = new Map(lines.flatMap(([[source = ''] = [], replicas = []]) => replicas.map((replica) => [replica, source] as const)));
  const names = [...new Set(lines.flat(2))];
  const top = names.find((name) => !sourceOf.has(name)) ?? names[0] ?? 'a';
  const made = new Map<string, Instance>();
  const make = (name: string, seen: readonly string[] = []): Instance => {
    const source = sourceOf.get(name);
    const parent = source === undefined || seen.includes(source) ? undefined : (made.get(source) ?? make(source, [...seen, name]));
    const instance = instanceOf(name, {...(source === undefined ? {} : {source}), top, kind, but: but[name] ?? {}});
    const placed = {...instance, cluster: {...clusterFacts(instance, parent), ...(but[name]?.cluster as object | undefined)}};
    made.set(name, placed);
    return placed;
  };
  // Of a ring the one named first is on top.
  if (sourceOf.has(top)) make(top, [sourceOf.get(top) ?? '']);
  const placed = names.filter((name) => name !== top).map((name) => make(name));
  return new Topology([...placed, make(top)]);
}

interface Spot {
  readonly source?: string;
  readonly top: string;
  readonly kind: Kind;
  readonly but: But;
}

function instanceOf(name: string, {source, top, kind, but}: Spot): Instance {
  const {reachable = true, ...rest} = but;
  const healthy = {
    ...reading(name, kind, top),
    replication: source === undefined ? null : replication(source, kind, top),
    cluster: CLUSTER,
    check: CHECK,
    wishes: WISHES,
  };
  const instance = merge(healthy, rest as object) as Instance;
  return reachable
    ? instance
    : {...instance, check: {...instance.check, valid: false, partial: but.check?.partial ?? false, reach: but.check?.reach ?? 'refused'}};
}

/** What all of them have applied, in the notation of the family. */
function history(top: string, {flavor, gtid = true}: Kind): {mysql: string; mariadb: string} {
  return {mysql: flavor !== 'MariaDB' && gtid ? `${uuid(top)}:1-100` : '', mariadb: flavor === 'MariaDB' ? `0-${serverId(top)}-100` : ''};
}

function reading(name: string, kind: Kind, top: string): Omit<Instance, 'replication' | 'cluster' | 'check' | 'wishes'> {
  const {flavor = 'MySQL', gtid = true} = kind;
  const {mysql, mariadb} = history(top, kind);
  return {
    key: key(name),
    alias: name,
    uptime: 1000,
    serverId: serverId(name),
    serverUuid: flavor === 'MariaDB' ? '' : uuid(name),
    version: flavor === 'MariaDB' ? '10.11.18-MariaDB-log' : '8.4.5',
    versionComment: '',
    flavor,
    readOnly: name !== top,
    superReadOnly: flavor === 'MariaDB' ? null : name !== top,
    binlog: {enabled: true, logsReplicaUpdates: true, format: 'ROW', rowImage: 'FULL', at: {file: 'binlog.000001', position: 1000}},
    gtid: {
      mode: flavor === 'MariaDB' ? '' : gtid ? 'ON' : 'OFF',
      supported: flavor !== 'MariaDB' && gtid,
      executed: mysql,
      purged: '',
      errant: '',
      currentPos: mariadb,
      replicaPos: name === top ? '' : mariadb,
      binlogState: mariadb,
      binlogPos: mariadb,
      strict: false,
    },
    otherChannels: [],
    replicas: [],
    semiSync: SEMI_SYNC,
    group: null,
    place: {dataCenter: 'dc1', region: 'r1', environment: 'production'},
    replicationCredentialsAvailable: true,
    detected: {clusterAlias: null, clusterDomain: null, promotionRule: null, pseudoGtid: false},
    relayLogRecovery: false,
  };
}

function replication(source: string, kind: Kind, top: string): Replication {
  const {mysql, mariadb} = history(top, kind);
  const gtid = kind.gtid ?? true;
  return {
    source: key(source),
    sourceHostAsWritten: source,
    sourceUuid: kind.flavor === 'MariaDB' ? '' : uuid(source),
    sourceServerId: serverId(source),
    receiver: RUNNING,
    applier: RUNNING,
    read: {file: 'binlog.000001', position: 1000},
    executed: {file: 'binlog.000001', position: 1000},
    relay: {file: 'relay.000001', position: 1000},
    retrievedGtid: kind.flavor === 'MariaDB' ? mariadb : mysql,
    usingOracleGtid: kind.flavor !== 'MariaDB' && gtid,
    usingMariadbGtid: kind.flavor === 'MariaDB' && gtid,
    usesTls: false,
    hasFilters: false,
    hasCredentials: true,
    user: 'repl',
    delay: 0,
    secondsBehind: 0,
    lag: 0,
    heartbeatPeriod: 30,
    netTimeout: 60,
  };
}

const RUNNING: Thread = {state: 'running', errno: 0, error: ''};
const CLUSTER = {name: '', suggestedAlias: '', depth: 0, isCoSource: false, ancestry: ''};
const CHECK: Check = {
  lastChecked: '2026-01-01 00:00:00',
  lastAttempted: '2026-01-01 00:00:00',
  lastSeen: '2026-01-01 00:00:00',
  secondsSinceSeen: 0,
  valid: true,
  partial: true,
  upToDate: true,
  recent: true,
  latency: 1_000_000,
  reach: 'answered',
  errno: 0,
};
const WISHES: Wishes = {
  promotionRule: 'neutral',
  isCandidate: false,
  downtime: null,
  inMaintenance: false,
  lockedBy: null,
  unresolvedHost: '',
};
const SEMI_SYNC: SemiSync = {
  available: true,
  sourceEnabled: false,
  sourceStatus: false,
  sourceTimeout: 10_000,
  sourceWaitCount: 1,
  sourceClients: 0,
  waitPoint: 'AFTER_SYNC',
  waitNoReplica: true,
  replicaEnabled: false,
  replicaStatus: false,
  priority: 0,
};

/** Plain objects are merged, everything else is replaced. */
function merge<Base extends object>(base: Base, over: object): Base {
  const plain = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = Object.entries(over).map(([name, value]): [string, unknown] => {
    const before = (base as Record<string, unknown>)[name];
    return [name, plain(before) && plain(value) ? merge(before, value) : value];
  });
  return {...base, ...Object.fromEntries(entries)};
}

/** Instances by name, for reading results. */
export const named = (keys: readonly InstanceKey[]): readonly string[] => keys.map((one) => (one.port === 3306 ? one.host : keyText(one)));
