import type {Config} from '../config/keys.ts';
import type {LoadOptions} from '../config/load.ts';
import type {ListedLock} from '../coordination/lock/rows.ts';
import type {NodeHealth, NodeRecord} from '../coordination/nodes.ts';
import type {NodeId} from '../coordination/types.ts';
import type {Aborted} from '../execute/abort.ts';
import type {RelocationAnswer, RelocationRequest} from '../execute/relocation/relocate.ts';
import type {TakeoverAnswer, TakeoverRequest} from '../execute/takeover/take-over.ts';
import type {Relocated as ResumedRelocation} from '../execute/relocation/resume.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Instance} from '../model/instance.ts';
import type {Milliseconds, Seconds} from '../model/units.ts';
import type {RecoveryPlan, Refusal} from '../plan/plan.ts';
import type {Backend} from '../store/backend.ts';
import type {Memory} from './memory.ts';
import type {OnInstance} from './replication/on-instance.ts';

/** Who asks. Written as owner of downtimes and acknowledgements, and into the audit. */
export interface Caller {
  /** OS user or `--owner` on the command line; authenticated user, else this host's name, over HTTP. */
  readonly user: string;
  readonly via: 'cli' | 'http' | 'daemon';
  /** Standard output is a terminal, so that a secret asked for is seen by a person and lands in no file. */
  readonly atTerminal?: boolean;
}

/**
 * Everything an operation may use. Made once a process by the composition root (`src/main.ts`), and given a caller by each
 * surface. Nothing is opened before it is asked for: a command that needs no backend never touches one.
 */
export interface Context extends Ports {
  readonly caller: Caller;
  /** A sentence for people: standard error on the command line, the log in a service. Never part of a result. */
  warn(sentence: string): void;
}

/** What the composition root provides; `config` and `backend` answer the same object every time. */
export interface Ports {
  readonly node: NodeId;
  /** Version and revision, as `--version` prints them. */
  readonly build: Build;
  /** What `config` is loaded with: path, environment and overrides of this command line. */
  readonly loading: LoadOptions;
  config(): Promise<Config>;
  /** Opened and migrated; registers this process in node_health where the configuration says so. */
  backend(): Promise<Backend>;
  /** What lists of everything are remembered by, in a service; absent: they are read each time. */
  readonly memory?: Memory | undefined;
  /** By HostnameResolveMethod, through the cache kept in the backend; the host itself when it cannot be resolved. */
  resolveHost(host: string): Promise<string>;
  /** Nothing is opened before it is asked for here either. */
  readonly names: Names;
  discover(request: DiscoverRequest): Promise<Discovered>;
  recover(request: RecoverRequest): Promise<Recovered>;
  /** Rearranges replicas, or only plans to. Throws CONTENDED when somebody else is changing them. */
  relocate(request: RelocationRequest): Promise<RelocationAnswer>;
  /** Replaces a source that works, or only plans to. Throws CONTENDED when somebody else is changing the cluster. */
  takeOver(request: TakeoverRequest): Promise<TakeoverAnswer>;
  /** Goes on with a recovery or a relocation whose conductor is gone; null when somebody has closed it meanwhile. Throws CONTENDED when it lives. */
  resumeRecovery(uid: string): Promise<Extract<Recovered, {readonly outcome: 'promoted' | 'failed'}> | ResumedRelocation | null>;
  /** Gives up a recovery or a relocation whose conductor is gone. Throws CONTENDED when it lives. */
  abortRecovery(request: AbortRequest): Promise<Aborted>;
  /** One server, asked or changed now because a person wants it. */
  onInstance(): Promise<OnInstance>;
  /** Takes a lock away from its holder, alive or not. */
  unlock(request: UnlockRequest): Promise<Unlocked>;
  /** Brings the schema up to date even where the configuration says not to. */
  deploySchema(): Promise<void>;
  /** Runs the service until it is told to stop (SIGTERM, SIGINT); resolves after an orderly end. */
  serve(options: ServeOptions): Promise<void>;
}

/** Names of hosts, beside what `resolveHost` answers. */
export interface Names {
  /** The name a host stands for in the end, asked of name servers. Throws NOT_FOUND. */
  canonicalName(host: string): Promise<string>;
  /** What this process remembers now. */
  remembered(): Promise<readonly RememberedName[]>;
  /** Forgets what this process remembers. */
  forget(): Promise<void>;
}

export interface RememberedName {
  readonly host: string;
  readonly resolved: string;
  readonly expiresIn: Milliseconds;
}

export interface Build {
  readonly version: string;
  /** Commit the build was made from; '' in a work tree. */
  readonly revision: string;
}

export interface DiscoverRequest {
  /** Already resolved. */
  readonly instance: InstanceKey;
  /** Follow sources and replicas too, until nothing new is found. */
  readonly drill: boolean;
}

export interface Discovered {
  /** The instance as stored; its key is the one the server gives itself. */
  readonly instance: Instance;
  /** Others that were probed on the way, with what went wrong where something did. */
  readonly others: readonly {readonly key: InstanceKey; readonly problem: string | null}[];
}

export interface RecoverRequest {
  readonly instance: InstanceKey;
  readonly candidate: InstanceKey | null;
  readonly skipHooks: boolean;
  readonly allowDataLoss: boolean;
  /** Plan and say so; change nothing. */
  readonly noop: boolean;
  /** How long to queue for a lock held by somebody else; null = do not wait. */
  readonly wait: Seconds | null;
  /** Nobody needs to agree that it is dead; only for one that does not answer. */
  readonly force?: 'force-master-failover' | 'force-master-takeover';
  readonly caller: Caller;
}

/** Contention and a lost backend are thrown (CONTENDED, BACKEND_*); everything that was decided is a value. */
export type Recovered =
  | {readonly outcome: 'promoted'; readonly uid: string; readonly successor: InstanceKey; readonly lost: readonly InstanceKey[]}
  | {readonly outcome: 'planned'; readonly plan: RecoveryPlan}
  | {readonly outcome: 'refused'; readonly why: Refusal}
  | {readonly outcome: 'failed'; readonly uid: string; readonly because: string};

export interface AbortRequest {
  readonly uid: string;
  /** Why and by whom, as the recovery's record will say. */
  readonly because: string;
}

export interface UnlockRequest {
  readonly lockId: string;
  readonly because: string;
}

export interface Unlocked {
  /** As it was. */
  readonly lock: ListedLock;
  /** The recovery it carried, where there was one. */
  readonly aborted: Aborted | null;
  readonly remarks: readonly string[];
}

export interface ServeOptions {
  /** Answer HTTP; `continuous` does not. */
  readonly http: boolean;
  /** Probe, analyse and recover when leading; false only answers HTTP. */
  readonly discovery: boolean;
  /** Take leadership once at start. */
  readonly grabElection: boolean;
  /** RecoverMasterClusterFilters for this run; null = as configured. */
  readonly recover: readonly string[] | null;
}

/** What only a running service knows; `createHttp` needs it beside the ports. */
export interface Service {
  /** Holds a valid lease by its own clock, now. */
  isLeader(): boolean;
  /** How long it may go on leading without renewing its lease; 0 when it does not lead. */
  leaseRemaining?(): Milliseconds;
  /** A time in which this node cannot write to the backend: since when, and what can be read meanwhile, as it was. Null: it can write. */
  outage?(): {readonly lasts: Milliseconds; backend(): Promise<Backend>} | null;
  /** Writes to the backend and reads the election, at most once a second; throws when the backend cannot be asked. */
  health(): Promise<Health>;
  /**
   * Takes the row of the leader for this node; it leads once the former leader must have noticed.
   *
   * @throws OrchestratorError NOT_SUPPORTED: this node does not stand for election
   */
  grabElection(): Promise<void>;
  /** Takes leadership from whoever has it, so that a new leader is elected; it may be the same. */
  reelect(): Promise<void>;
}

/** What `checkNodeHealth` says, and who leads. */
export interface Health extends NodeHealth {
  readonly isLeader: boolean;
}

/** One row of node_health, or of the election, as read. */
export type NodeReport = NodeRecord;
