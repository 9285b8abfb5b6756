import {isIP} from 'node:net';
import {isSet, type Draft, type Say} from './draft.ts';
import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';
import {NOWHERE, type Notices} from './notice.ts';
import {compilePattern} from './pattern.ts';
import {readWebhook} from './webhooks.ts';

/** Reports values of the right type that would hurt later. Runs once, when everything is read. */
export function validate(draft: Draft, say: Say): void {
  minimums(draft, say);
  backend(draft, say);
  addresses(draft, say);
  authentication(draft, say);
  trustedProxies(draft, say);
  choices(draft, say);
  patterns(draft.values, say);
  discovery(draft.values, say);
  webhooks(draft.values, say);
  certificates(draft.values, say);
  unusedKeys(draft, say);
}

/** Below these a process would spin, wait for ever, or do nothing; what is used instead is the default. */
const MINIMUMS = {
  InstancePollSeconds: 1,
  MySQLConnectTimeoutSeconds: 1,
  MySQLDiscoveryReadTimeoutSeconds: 1,
  MySQLTopologyReadTimeoutSeconds: 1,
  MySQLOrchestratorReadTimeoutSeconds: 1,
  MySQLOrchestratorMaxPoolConnections: 1,
  MySQLConnectionLifetimeSeconds: 0,
  DiscoveryMaxConcurrency: 1,
  ReasonableReplicationLagSeconds: 0,
  ReasonableMaintenanceReplicationLagSeconds: 0,
  RecoveryPeriodBlockSeconds: 0,
  FailureDetectionPeriodBlockMinutes: 0,
  ExpiryHostnameResolvesMinutes: 1,
  BinlogEventsChunkSize: 1,
  MaxConcurrentReplicaOperations: 1,
  HookTimeoutSeconds: 1,
  MaxConcurrentRecoveries: 1,
} as const satisfies Partial<Record<KeyName, number>>;

function minimums({values}: Draft, say: Say): void {
  for (const [name, least] of Object.entries(MINIMUMS)) {
    const key = name as keyof typeof MINIMUMS;
    const found = values[key];
    if (found >= least) continue;
    values[key] = KEYS[key].default;
    say('adjusted', key, `${key} must be at least ${least}, found ${found}; using its default, ${KEYS[key].default}`);
  }
}

function backend(draft: Draft, say: Say): void {
  const {BackendDB: kind, MySQLOrchestratorHost: host} = draft.values;
  if (kind !== '' && kind !== 'mysql' && !kind.includes('sqlite')) {
    say('CONFIG_INVALID', 'BackendDB', `BackendDB must be "mysql" or "sqlite", found ${JSON.stringify(kind)}`);
  } else if (!kind.includes('sqlite') && host === '') {
    say(
      'suspicious',
      'MySQLOrchestratorHost',
      'MySQLOrchestratorHost is empty, so there is no backend database to talk to',
      'set it, or set BackendDB to "sqlite" and SQLite3DataFile to a path',
    );
  }
}

function addresses({values}: Draft, say: Say): void {
  for (const key of ['DefaultInstancePort', 'MySQLOrchestratorPort'] as const) {
    if (!isPort(values[key])) say('CONFIG_INVALID', key, `${key} must be a port from 1 to 65535, found ${values[key]}`);
  }
  if (values.ListenSocket === '' && listenAddress(values.ListenAddress) === null) {
    say(
      'CONFIG_INVALID',
      'ListenAddress',
      `ListenAddress must be host:port or :port with a port from 0 to 65535, found ${JSON.stringify(values.ListenAddress)}`,
      'an IPv6 address goes in brackets: [::1]:3000',
    );
  }
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65535;
}

/**
 * Reads `ListenAddress`.
 *
 * @returns host ('' = every interface; IPv6 without brackets) and port (0 = any free one), or null when it is neither
 */
export function listenAddress(text: string): {readonly host: string; readonly port: number} | null {
  const [, bracketed, plain = '', digits] = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:\s[\]/]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return digits === undefined || port > 65535 ? null : {host: bracketed ?? plain, port};
}

/** `AuthenticationMethod` as it is acted upon: any letter case is accepted in the file. */
export const AUTHENTICATION_METHODS = ['', 'basic', 'multi', 'proxy', 'token', 'oauth'] as const;
export type AuthenticationMethod = (typeof AUTHENTICATION_METHODS)[number];

/** The method in force; validation has refused every other text. */
export function authenticationMethod(config: Pick<Config, 'AuthenticationMethod'>): AuthenticationMethod | undefined {
  return AUTHENTICATION_METHODS.find((method) => method === config.AuthenticationMethod.trim().toLowerCase());
}

function authentication(draft: Draft, say: Say): void {
  const {values} = draft;
  const method = authenticationMethod(values);
  const key = 'AuthenticationMethod';
  if (method === undefined) {
    // 3.2.6 lets everybody do everything then.
    say('CONFIG_INVALID', key, `${key} must be one of "", basic, multi, proxy, token, found ${JSON.stringify(values[key])}`);
  } else if (method === 'oauth') {
    say('suspicious', key, 'AuthenticationMethod: oauth is not implemented: nobody is let in', 'choose basic, multi, proxy or token');
  } else if (method === 'multi' && values.HTTPAuthUser === '') {
    say(
      'CONFIG_INVALID',
      'HTTPAuthUser',
      'HTTPAuthUser must not be empty with AuthenticationMethod multi',
      'set HTTPAuthUser and HTTPAuthPassword',
    );
  } else if (method === 'basic' && values.HTTPAuthUser === '') {
    say(
      'suspicious',
      'HTTPAuthUser',
      'HTTPAuthUser is empty, so anybody who sends empty credentials is let in',
      'set HTTPAuthUser and HTTPAuthPassword',
    );
  } else if (method === 'proxy' && values.PowerAuthUsers.includes('*')) {
    say(
      'suspicious',
      'PowerAuthUsers',
      'PowerAuthUsers contains "*": everybody may change things, even past the proxy',
      'list the users who may',
    );
  }
}

function trustedProxies({values}: Draft, say: Say): void {
  const key = 'AuthTrustedProxies';
  for (const text of values[key].filter((one) => network(one) === null)) {
    say('CONFIG_INVALID', key, `${key} must hold addresses and networks, found ${JSON.stringify(text)}`, 'write 10.1.2.3 or 10.0.0.0/8');
  }
  if (authenticationMethod(values) === 'proxy' && values[key].length === 0) {
    say('suspicious', key, `${key} is empty: whoever reaches the service may say who they are`, 'list the addresses of your proxies');
  }
}

/** Reads `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`. @returns null when it is none of these */
export function network(text: string): {readonly address: string; readonly bits: number; readonly family: 'ipv4' | 'ipv6'} | null {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const longest = {0: null, 4: 32, 6: 128}[isIP(address)] ?? null;
  if (longest === null || Number(bits ?? longest) > longest) return null;
  return {address, bits: Number(bits ?? longest), family: longest === 32 ? 'ipv4' : 'ipv6'};
}

/** Keys that take one of a few words. Any other word means what `otherwise` says, as in 3.2.6. */
const CHOICES = {
  HostnameResolveMethod: {words: ['none', 'default', 'cname', 'ip', ''], otherwise: 'names are kept as they are'},
  MySQLHostnameResolveMethod: {
    words: ['none', 'default', 'hostname', '@@hostname', 'report_host', '@@report_host', ''],
    otherwise: 'servers are called as we connected',
  },
  RecoverReturnedSource: {words: ['off', 'fence', 'rejoin'], otherwise: 'a source that comes back is closed, as by `fence`'},
  ConsulScheme: {words: ['http', 'https'], otherwise: 'Consul cannot be reached'},
} as const satisfies Partial<Record<KeyName, {readonly words: readonly string[]; readonly otherwise: string}>>;

function choices({values}: Draft, say: Say): void {
  for (const [name, {words, otherwise}] of Object.entries(CHOICES)) {
    const key = name as keyof typeof CHOICES;
    if (words.some((word) => word === values[key].toLowerCase())) continue;
    say(
      'suspicious',
      key,
      `${key} is usually one of ${words.filter(Boolean).join(', ')}, found ${JSON.stringify(values[key])}: ${otherwise}`,
    );
  }
}

/** Expressions of a configuration: the key, the expression, and whether its first group is what is wanted of it. */
function expressions(values: Config): readonly {readonly key: KeyName; readonly pattern: string; readonly grouped: boolean}[] {
  const hosts = KEY_NAMES.filter((key) => key.endsWith('HostnameFilters')) as readonly (KeyName & `${string}HostnameFilters`)[];
  const clusters = ['RecoverMasterClusterFilters', 'RecoverIntermediateMasterClusterFilters'] as const;
  const places = ['DataCenterPattern', 'RegionPattern', 'PhysicalEnvironmentPattern'] as const;
  return [
    ...hosts.flatMap((key) => values[key].map((pattern) => ({key, pattern, grouped: false}))),
    ...clusters.flatMap((key) =>
      values[key]
        .filter((filter) => filter !== '*' && !filter.startsWith('alias='))
        .map((filter) => ({key, pattern: filter.replace(/^alias~=/, ''), grouped: false})),
    ),
    ...places.map((key) => ({key, pattern: values[key], grouped: values[key] !== ''})),
    {key: 'RejectHostnameResolvePattern', pattern: values.RejectHostnameResolvePattern, grouped: false},
    {key: 'PseudoGTIDPattern', pattern: values.PseudoGTIDPatternIsFixedSubstring ? '' : values.PseudoGTIDPattern, grouped: false},
    ...Object.keys(values.ClusterNameToAlias).map((pattern) => ({key: 'ClusterNameToAlias' as const, pattern, grouped: false})),
  ];
}

function patterns(values: Config, say: Say): void {
  for (const {key, pattern, grouped} of expressions(values)) {
    const compiled = compilePattern(pattern);
    const quoted = JSON.stringify(pattern);
    if (compiled === null) {
      say(
        'suspicious',
        key,
        `${key}: ${quoted} is not a regular expression and never matches`,
        'a literal bracket or brace is written with a backslash',
      );
    } else if (grouped && new RegExp(`${compiled.source}|`).exec('')?.length === 1) {
      say('suspicious', key, `${key}: ${quoted} has no group, so it finds nothing`, 'put what is wanted of the host name in parentheses');
    } else if (pattern === '' && KEYS[key].type === 'list') {
      say(
        'suspicious',
        key,
        `${key} has an empty entry, which ${key.endsWith('ClusterFilters') ? 'matches nothing' : 'matches every instance'}`,
        'remove it',
      );
    }
  }
}

/** Warns of a service that lets everybody change everything. For `serve` and `config check`: the command line does not listen. */
export function listenNotices(config: Config, notices: Notices): void {
  const address = listenAddress(config.ListenAddress);
  const local = config.ListenSocket !== '' || address === null || /^(localhost|127\..*|::1)$/i.test(address.host);
  if (local || config.ReadOnly || authenticationMethod(config) !== '') return;
  notices.add(
    'suspicious',
    NOWHERE,
    `anybody who reaches ${config.ListenAddress} may change topologies: AuthenticationMethod is empty`,
    'set AuthenticationMethod, or ReadOnly, or listen on 127.0.0.1 only',
  );
}

/** Where clients look for sources. */
function discovery(values: Config, say: Say): void {
  for (const [pattern, groups] of Object.entries(values.ProxySQLHostgroups)) {
    if (/^\s*\d+\s*(,\s*\d+\s*)?$/.test(groups)) continue;
    const sentence = `ProxySQLHostgroups of ${JSON.stringify(pattern)} must be one or two numbers, found ${JSON.stringify(groups)}`;
    say('CONFIG_INVALID', 'ProxySQLHostgroups', sentence, 'write WRITER or WRITER,READER');
  }
}

function webhooks(values: Config, say: Say): void {
  for (const [at, entry] of values.HTTPHooks.entries()) {
    const read = readWebhook(entry);
    if ('problem' in read)
      say('CONFIG_INVALID', 'HTTPHooks', `entry ${at + 1} of HTTPHooks: ${read.problem}`, 'docs/hooks.md has an example');
  }
}

function certificates(values: Config, say: Say): void {
  if (values.UseSSL && (values.SSLCertFile === '' || values.SSLPrivateKeyFile === '')) {
    say('suspicious', 'UseSSL', 'UseSSL needs SSLCertFile and SSLPrivateKeyFile, found at least one empty', 'name both files');
  }
  const pairs = [
    ['MySQLTopologySSLCertFile', 'MySQLTopologySSLPrivateKeyFile'],
    ['MySQLOrchestratorSSLCertFile', 'MySQLOrchestratorSSLPrivateKeyFile'],
  ] as const;
  for (const [certificate, key] of pairs) {
    if ((values[certificate] === '') === (values[key] === '')) continue;
    say(
      'suspicious',
      values[key] === '' ? key : certificate,
      `${certificate} and ${key} belong together, found only one`,
      'name both files or neither',
    );
  }
}

function unusedKeys(draft: Draft, say: Say): void {
  for (const key of KEY_NAMES) {
    const declaration = KEYS[key];
    if (!('unused' in declaration) || declaration.unused !== true || !isSet(draft, key)) continue;
    if (JSON.stringify(draft.values[key]) === JSON.stringify(declaration.default ?? [])) continue;
    const why = {agents: ': agents are not supported', raft: ': raft is not supported', other: ''}[
      declaration.group === 'agents' || declaration.group === 'raft' ? declaration.group : 'other'
    ];
    say('obsolete', key, `${key} has no effect${why}`, 'remove it');
  }
}
