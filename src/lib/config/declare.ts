import type {Json} from './json.ts';

/** How a key is written in the file. `uint` = whole number from 0 up; `list` = array of strings; `map` = object of strings; `objects` = array of objects. */
export type KeyType = 'bool' | 'int' | 'uint' | 'text' | 'list' | 'map' | 'objects';

/** Headings of the reference, in reading order. */
export const GROUPS = {
  backend: 'Backend database',
  'backend-tls': 'TLS to the backend database',
  'topology-conn': 'Connecting to managed servers',
  'topology-tls': 'TLS to managed servers',
  discovery: 'Discovery',
  resolve: 'Host names',
  classification: 'Naming and placing clusters and instances',
  detection: 'Detection of failures',
  recovery: 'Recovery',
  promotion: 'Promotion and moving replicas',
  'semi-sync': 'Semi-synchronous replication',
  'pseudo-gtid': 'Pseudo-GTID',
  hooks: 'Hooks',
  kv: 'Key-value stores',
  web: 'Listening and TLS of the service',
  auth: 'Authentication and permissions',
  'web-ui': 'Web pages',
  audit: 'Audit',
  log: 'Log',
  metrics: 'Metrics',
  graphite: 'Graphite',
  pools: 'Pools',
  osc: 'Schema change tools',
  raft: 'Raft (not supported)',
  agents: 'Agents (not supported)',
} as const;

export type Group = keyof typeof GROUPS;

type JsonRecord = Readonly<Record<string, Json>>;

export interface KeyDeclaration {
  readonly type: KeyType;
  /** A list that was never set is null, as `dump-config` prints it. */
  readonly default: boolean | number | string | readonly string[] | readonly JsonRecord[] | Readonly<Record<string, string>> | null;
  readonly group: Group;
  readonly about: string;
  /** Printed as ******** unless --show-secrets. */
  readonly secret?: true;
  /** Kept so that old files load; nothing reads it. */
  readonly unused?: true;
  /** Version that brought it; absent: known to 3.2.6. */
  readonly since?: string;
}

type More = Pick<KeyDeclaration, 'secret' | 'unused' | 'since'>;

const declare =
  <Type extends KeyType, Default extends KeyDeclaration['default']>(type: Type) =>
  (value: Default, group: Group, about: string, more: More = {}) => ({type, default: value, group, about, ...more});

export const bool = declare<'bool', boolean>('bool');
export const int = declare<'int', number>('int');
export const uint = declare<'uint', number>('uint');
export const text = declare<'text', string>('text');
export const list = declare<'list', readonly string[] | null>('list');
export const map = declare<'map', Readonly<Record<string, string>>>('map');
export const objects = declare<'objects', readonly JsonRecord[]>('objects');

export const secret = {secret: true} as const;
export const unused = {unused: true} as const;
export const since4 = {since: '4.0.0'} as const;

/** What a key of a type reads as. */
export type ValueOf<Type extends KeyType> = Type extends 'bool'
  ? boolean
  : Type extends 'int' | 'uint'
    ? number
    : Type extends 'text'
      ? string
      : Type extends 'list'
        ? readonly string[]
        : Type extends 'objects'
          ? readonly JsonRecord[]
          : Readonly<Record<string, string>>;
