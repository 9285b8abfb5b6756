import type {Instance} from '../../model/instance.ts';
import {isUsableKey, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import {glance} from '../../probe/glance.ts';
import {LiveModel} from '../../probe/live-model.ts';
import type {NotFound, ProbeOutcome} from '../../probe/outcome.ts';
import {createProber, type Haste, type ProbeOptions, type Prober as Probing} from '../../probe/probe.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {hintOfErrno} from '../../servers/failure.ts';
import type {Unreachable} from '../../servers/servers.ts';
import type {Look} from './confirm.ts';
import type {Permit} from './permit.ts';
import {restartReceiver} from './restart-receiver.ts';

/** A server that was silent for a whole read timeout already is not given a whole connect timeout at each further look. */
const KNOWN_SILENT: Milliseconds = 300;
const RESTART_AGAIN_AFTER: Milliseconds = 30_000;

export interface ProberOptions extends ProbeOptions {
  /** Hears of every outcome that the model took in. */
  onRecorded(instance: Instance, outcome: ProbeOutcome): void;
  /** Hears of a failed probe of a server that is not in the model. */
  onFailure?(key: InstanceKey, outcome: ProbeOutcome): void;
}

/** ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_HOST_NOT_PRIVILEGED, ER_SPECIFIC_ACCESS_DENIED. */
const DENIED: ReadonlySet<number> = new Set([1044, 1045, 1130, 1227]);

/** When a restart began, and whether there was one. */
interface Restarted {
  readonly at: Monotonic;
  readonly done: Promise<boolean>;
}

/** Probes servers into the model of one process. */
export class Prober implements Look {
  readonly model = new LiveModel();
  readonly #options: ProberOptions;
  readonly #probing: Probing;
  readonly #underway = new Map<string, Promise<Instance | null>>();
  readonly #restarted = new Map<string, Restarted>();
  readonly #failures = new Map<string, NotFound>();

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#probing = createProber(options);
  }

  /** Probes one server over its persistent connection; a probe of it already under way is shared. */
  probe(key: InstanceKey): Promise<Instance | null> {
    const name = keyText(key);
    const running = this.#underway.get(name) ?? this.#record(key, {fresh: false}).finally(() => this.#underway.delete(name));
    this.#underway.set(name, running);
    return running;
  }

  /** Why the last probe of a server failed, as an error to report. */
  failureOf(key: InstanceKey): OrchestratorError {
    const failure = this.#failures.get(keyText(key));
    if (!failure) return new OrchestratorError('SERVER_UNREACHABLE', `${keyText(key)} could not be probed`);
    const {reach, errno} = failure.unreachable;
    const code = reach === 'silent' ? 'SERVER_TIMEOUT' : DENIED.has(errno) ? 'SERVER_ACCESS_DENIED' : 'SERVER_UNREACHABLE';
    return new OrchestratorError(code, failure.message, {hint: this.#hintFor(failure.unreachable)});
  }

  #hintFor({reach, errno}: Unreachable): string {
    if (reach === 'unresolved') return 'check the host name';
    if (errno === 0) return 'check that the server runs and that this host can reach its port';
    return DENIED.has(errno) ? this.#hintToLogIn() : hintOfErrno(errno);
  }

  #hintToLogIn(): string {
    return this.#options.config.MySQLTopologyUser === ''
      ? 'nobody said whom to log in as: set ORCHESTRATOR_TOPOLOGY_USER and ORCHESTRATOR_TOPOLOGY_PASSWORD, or MySQLTopologyUser and its password'
      : 'check MySQLTopologyUser and its password, and that its account may connect from here';
  }

  /** Reads servers anew: those that answered last over the connection they answered on, which spares five handshakes at once. */
  async look(keys: readonly InstanceKey[]): Promise<Topology> {
    const how = (key: InstanceKey): Haste => (this.model.get(key)?.check.valid ? {fresh: false} : {fresh: true, ...this.#haste(key)});
    await Promise.all(keys.filter(isUsableKey).map((key) => this.#record(key, how(key))));
    return this.model.topology();
  }

  /**
   * Looks at servers over fresh connections: at replicas that were probed before for how their replication stands, at all others
   * for everything.
   */
  async glance(keys: readonly InstanceKey[]): Promise<Topology> {
    await Promise.all(keys.filter(isUsableKey).map((key) => this.#glance(key)));
    return this.model.topology();
  }

  /** At most once in half a minute for each replica: in between the last restart still tells. One that failed tells nothing. */
  async restartReceiver(replica: Instance, permit: Permit): Promise<boolean> {
    if (permit.isOthers(replica)) return false;
    const name = keyText(replica.key);
    const last = this.#restarted.get(name);
    if (last && performance.now() - last.at < RESTART_AGAIN_AFTER) return last.done;
    const done = restartReceiver(this.#options.servers, replica, permit);
    const now = {at: performance.now(), done};
    this.#restarted.set(name, now);
    const forget = (): void => void (this.#restarted.get(name) === now && this.#restarted.delete(name));
    done.then((restarted) => restarted || forget(), forget);
    return done;
  }

  /** Ends the persistent connection to a server that is not looked at any more. */
  disconnect(key: InstanceKey): void {
    this.#options.servers.forget(key);
  }

  async #glance(key: InstanceKey): Promise<void> {
    const known = this.model.probedAt(key) === null ? undefined : this.model.get(key);
    const outcome = known?.check.valid && known.replication ? await glance(this.#options, known, this.#patience) : null;
    if (!outcome) await this.#record(key, {fresh: true, ...this.#haste(key)});
    else if (outcome.ok) this.model.record(key, outcome);
    else this.#recorded(key, outcome);
  }

  get #patience(): Milliseconds {
    return this.#options.config.MySQLConnectTimeoutSeconds * 1000;
  }

  #haste(key: InstanceKey): {timeout?: Milliseconds} {
    return this.model.get(key)?.check.reach === 'silent' ? {timeout: KNOWN_SILENT} : {};
  }

  async #record(key: InstanceKey, {fresh, timeout = this.#patience}: Haste): Promise<Instance | null> {
    return this.#recorded(key, await this.#probing.probe(key, fresh ? {fresh, timeout} : {}));
  }

  #recorded(key: InstanceKey, outcome: ProbeOutcome): Instance | null {
    if (outcome.ok) this.#failures.delete(keyText(key));
    else this.#failures.set(keyText(key), outcome);
    const instance = this.model.record(key, outcome);
    if (instance) this.#options.onRecorded(instance, outcome);
    else if (!outcome.ok) this.#options.onFailure?.(key, outcome);
    return instance;
  }
}
