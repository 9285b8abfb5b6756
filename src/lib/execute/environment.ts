import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import type {Timing} from '../coordination/timing.ts';
import type {Lease, NodeId} from '../coordination/types.ts';
import type {AuditEntry} from '../store/audit.ts';
import type {Backend} from '../store/backend.ts';
import type {Servers} from '../servers/servers.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {UnresolveOptions} from '../names/unresolve.ts';
import type {Look} from './eyes/confirm.ts';
import type {JournaledAct} from './journal/acts.ts';

/** What a recovery needs of the process it runs in: the leading daemon's, or a command's. */
export interface Environment {
  readonly backend: Backend;
  /** For heartbeats of locks alone, so that they never queue behind anything. */
  readonly heartbeats: Backend;
  readonly me: NodeId;
  readonly timing: Timing;
  readonly config: Config;
  readonly servers: Servers;
  readonly eyes: Look;
  /** The lease, by our own clock, now; null when not leading. A command never has one. */
  lease(): Lease | null;
  /** Instances of a cluster that a recovery locks: all the backend knows, under its present name and the names given. */
  members(cluster: string, failed: InstanceKey): Promise<readonly InstanceKey[]>;
  readonly log: Log;
  /** Records what was done, where the configuration says. */
  audit(entry: AuditEntry): Promise<void>;
  /** What the command line says of virtual names (`--skip-unresolve`, `--skip-unresolve-check`). */
  readonly unresolving?: Pick<UnresolveOptions, 'skip' | 'skipCheck'>;
  readonly fault?: (when: 'before' | 'after', act: Pick<JournaledAct, 'number'>) => void | Promise<void>;
}
