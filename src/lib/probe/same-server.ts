import {BinlogState} from '../model/mariadb-gtid.ts';
import {keyText} from '../model/instance-key.ts';
import type {Instance} from '../model/instance.ts';
import type {Milliseconds, Monotonic, Seconds} from '../model/units.ts';
import type {ProbeOutcome} from './outcome.ts';

/** Two keys with the same one are two names of one server. */
export interface Identity {
  readonly server: string;
  readonly startedAt: Monotonic;
}

/** What tells whether two keys are names of one server. */
export interface Traits {
  readonly instance: Instance;
  /** Which server it was when it last answered in this term; null = it did not. */
  readonly identity: Identity | null;
  /** When the server started, as far as an answer or the backend tells; null = they do not. */
  readonly bootedAt: Monotonic | null;
}

/** An uptime has whole seconds, and is read a moment after its probe begins. */
const UPTIMES_DIFFER: Milliseconds = 3000;
/** The backend keeps whole seconds, and when something was written rather than read. */
const RECORDS_DIFFER: Milliseconds = 15_000;
/** Readings so far apart do not tell by which replicas they have. */
const SEEN_TOGETHER: Seconds = 60;

/** MariaDB has no UUID; there port and start tell servers of one host apart. */
export function identityOf({reading, hostname, startedAt}: ProbeOutcome & {ok: true}): Identity | null {
  if (hostname === null) return null;
  const {serverUuid, serverId, uptime, key} = reading;
  return {
    server: [hostname, serverId, serverUuid || key.port].join(' '),
    startedAt: serverUuid === '' ? startedAt - uptime * 1000 : 0,
  };
}

/** @param readAt when the instance was read, or its row */
export function bootedAt({uptime, check: {secondsSinceSeen}}: Instance, readAt: Monotonic): Monotonic | null {
  return secondsSinceSeen === null ? null : readAt - (secondsSinceSeen + uptime) * 1000;
}

/** Of servers that have not answered in this term, and do not answer now, what is recorded of them decides. */
export function isSameServer(one: Traits, other: Traits): boolean {
  if (one.identity && other.identity)
    return one.identity.server === other.identity.server && Math.abs(one.identity.startedAt - other.identity.startedAt) <= UPTIMES_DIFFER;
  return !one.instance.check.valid && !other.instance.check.valid && wereAlike(one, other);
}

/** As both were when somebody last had an answer, which was not at the same time. What is not known counts as alike. */
function wereAlike(one: Traits, other: Traits): boolean {
  const [a, b] = [one.instance, other.instance];
  if (a.serverId !== b.serverId || a.key.port !== b.key.port || a.serverUuid !== b.serverUuid) return false;
  if (a.serverUuid !== '') return true;
  const startedApart = one.bootedAt !== null && other.bootedAt !== null && Math.abs(one.bootedAt - other.bootedAt) > RECORDS_DIFFER;
  return !startedApart && !CONTRADICTIONS.some((contradicts) => contradicts(a, b));
}

/** What one server never shows under two names while it runs. */
const CONTRADICTIONS: readonly ((one: Instance, other: Instance) => boolean)[] = [
  (one, other) => one.version !== other.version,
  (one, other) => differs(logName(one), logName(other)),
  (one, other) => neitherHasAll(one.gtid.binlogState, other.gtid.binlogState),
  haveOtherReplicas,
];

function logName({binlog}: Instance): string {
  return binlog.at?.file.replace(/\.\d+$/, '') ?? '';
}

function differs(one: string, other: string): boolean {
  return one !== '' && other !== '' && one !== other;
}

/** Binary logs only grow: of two readings of one server the later has all that the earlier had. */
function neitherHasAll(one: string, other: string): boolean {
  const [a, b] = [BinlogState.read(one), BinlogState.read(other)];
  return !!a && !!b && a.containsAll(b) !== 'yes' && b.containsAll(a) !== 'yes';
}

/** As the servers themselves named them. */
function haveOtherReplicas(one: Instance, other: Instance): boolean {
  const [a, b] = [one, other].map(({replicas}) => new Set(replicas.map(keyText)));
  const [seen, seenToo] = [one.check.secondsSinceSeen, other.check.secondsSinceSeen];
  if (!a || !b || a.size === 0 || b.size === 0 || seen === null || seenToo === null) return false;
  return Math.abs(seen - seenToo) <= SEEN_TOGETHER && ![...a].some((key) => b.has(key));
}
