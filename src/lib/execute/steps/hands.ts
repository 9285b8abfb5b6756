import {OrchestratorError} from '../../errors/errors.ts';
import type {Flavor, Row, Statement} from '../../flavor/flavor.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Servers, Session} from '../../servers/servers.ts';

/** How long one statement may take; far below the length of a lock, so that none is sent past it (coordination.md §3). */
export const STATEMENT_TIMEOUT: Milliseconds = 2500;

/** A session that may change one server, and the words that server understands. */
export interface Hand {
  readonly key: InstanceKey;
  readonly flavor: Flavor;
  /** Sends one statement, unless the lock would end before its answer. Same errors as `Session.query`, and DEADLINE_PASSED. */
  say(statement: Statement, timeout?: Milliseconds): Promise<readonly Row[]>;
  /** The managed channel's status now; null when it is not a replica. */
  replication(): Promise<Replication | null>;
}

export interface HandsOptions {
  readonly servers: Servers;
  /** Stands in a comment before every statement, so that a server's general log tells who sent it. */
  readonly tag: string;
  /** False once the lock would end before a statement of this length does. */
  mayStillSend(timeout: Milliseconds): boolean;
  /** Writes down a connection before its first use, for whoever takes over and has to kill it. */
  journal(key: InstanceKey, connectionId: number): Promise<void>;
}

/** All sessions of one operation: one a server, opened when first needed. */
export class Hands {
  readonly #options: HandsOptions;
  readonly #open = new Map<string, Promise<Hand>>();
  readonly #sessions = new Map<string, Session>();

  constructor(options: HandsOptions) {
    this.#options = options;
  }

  /**
   * The hand on one server; a lost one is replaced at the next call.
   *
   * @param timeout for connecting
   */
  on(instance: Instance, timeout: Milliseconds = STATEMENT_TIMEOUT): Promise<Hand> {
    const name = keyText(instance.key);
    if (this.#sessions.get(name)?.open === false) this.#drop(name);
    const open = this.#open.get(name) ?? this.#reach(instance, timeout);
    this.#open.set(name, open);
    open.catch(() => this.#open.delete(name));
    return open;
  }

  /** Begins to connect to servers that will soon be changed, while there is something else to wait for. */
  prepare(instances: readonly Instance[]): void {
    // Who cannot be reached is tried again, and says so, when its turn comes.
    for (const instance of instances) this.on(instance).catch(() => undefined);
  }

  /** Ends every session; what was sent may still be running on its server. */
  release(): void {
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
    this.#open.clear();
  }

  async #reach(instance: Instance, timeout: Milliseconds): Promise<Hand> {
    const session = await this.#options.servers.connect(instance.key, {timeout});
    this.#sessions.set(keyText(instance.key), session);
    await this.#options.journal(instance.key, session.connectionId);
    const flavor = flavorOf(instance);
    const say = async (statement: Statement, limit: Milliseconds = STATEMENT_TIMEOUT) =>
      this.#send(session, flavor.takesComments ? this.#tagged(statement) : statement, limit);
    return {
      key: instance.key,
      flavor,
      say,
      replication: async () => flavor.parseReplicaStatus(await say(flavor.showReplicaStatus)).replication,
    };
  }

  async #send(session: Session, statement: Statement, timeout: Milliseconds): Promise<readonly Row[]> {
    if (!this.#options.mayStillSend(timeout)) {
      throw new OrchestratorError(
        'DEADLINE_PASSED',
        `the lock may end before ${keyText(session.key)} answers: nothing more is sent to it`,
        {
          hint: 'whoever holds the lock next goes on; see which-locks',
        },
      );
    }
    try {
      return await session.query(statement, {timeout});
    } catch (error) {
      if (error instanceof OrchestratorError && (error.code === 'SERVER_TIMEOUT' || error.code === 'SERVER_UNREACHABLE')) {
        this.#drop(keyText(session.key));
      }
      throw error;
    }
  }

  #tagged(statement: Statement): Statement {
    return {...statement, text: `/* orchestrator ${this.#options.tag} */ ${statement.text}`};
  }

  #drop(name: string): void {
    this.#sessions.delete(name);
    this.#open.delete(name);
  }
}
