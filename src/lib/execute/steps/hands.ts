import {OrchestratorError} from '../../errors/errors.ts';
import type {Flavor, Row, Statement} from '../../flavor/flavor.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import type {JournaledSession} from '../../coordination/lock/sessions.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Servers, Session} from '../../servers/servers.ts';
import {killThrough} from '../kill-sessions.ts';
import {handOf, type Hand} from './hand.ts';
import {SourceNames, type SourceNaming} from './source-names.ts';
import {tagOf, type Sender} from './tag.ts';

/** How long one statement may take; far below the length of a lock, so that none is sent past it (coordination.md §3). */
export const STATEMENT_TIMEOUT: Milliseconds = 2500;

export type {Hand};

export interface HandsOptions {
  readonly servers: Servers;
  /** Stand in a comment before every statement, so that a server's general log tells who sent it. */
  readonly what: string;
  readonly fence: number;
  /** Sessions of a former holder that were not seen gone: a server is touched only once its own are. */
  readonly former?: readonly JournaledSession[];
  /** How sources are called in replicas' settings; absent or null: by their own names. */
  readonly naming?: SourceNaming | null;
  /** False once the lock would end before a statement of this length does. */
  mayStillSend(timeout: Milliseconds): boolean;
  /** Writes down a connection before its first use, for whoever takes over and has to kill it. */
  journal(key: InstanceKey, connectionId: number): Promise<void>;
}

/** A server that nobody but us changes any more. */
interface Reached {
  readonly session: Session;
  readonly flavor: Flavor;
}

/** All sessions of one operation: one a server, opened when first needed. */
export class Hands {
  readonly #options: HandsOptions;
  readonly #sender: Sender;
  readonly #open: Map<string, Promise<Reached>>;
  readonly #sessions: Map<string, Session>;
  readonly #names: SourceNames;
  readonly #unanswered: JournaledSession[];

  /** @param of others, whose sessions these share */
  constructor(options: HandsOptions, of?: {readonly hands: Hands; readonly sender: Sender}) {
    this.#options = options;
    this.#sender = of?.sender ?? {what: options.what, fence: options.fence, step: 0};
    this.#open = of ? of.hands.#open : new Map<string, Promise<Reached>>();
    this.#sessions = of ? of.hands.#sessions : new Map<string, Session>();
    this.#names = of ? of.hands.#names : new SourceNames(options.naming ?? null);
    this.#unanswered = of ? of.hands.#unanswered : [];
  }

  /** Sessions of these hands in which a statement was not answered: their servers may yet execute it. */
  get unanswered(): readonly JournaledSession[] {
    return this.#unanswered;
  }

  /** The same hands at one act of a plan, which then stands before what they send. */
  at(uid: string, step: number): Hands {
    return new Hands(this.#options, {hands: this, sender: {...this.#sender, what: uid, step}});
  }

  /**
   * The hand on one server; a lost one is replaced at the next call.
   *
   * @param timeout for connecting
   * @throws OrchestratorError as `Servers.connect`; CONTENDED while a killed session of a former holder goes on there
   */
  async on(instance: Instance, timeout: Milliseconds = STATEMENT_TIMEOUT): Promise<Hand> {
    const name = keyText(instance.key);
    if (this.#sessions.get(name)?.open === false) this.#drop(name);
    const open = this.#open.get(name) ?? this.#reach(instance, timeout);
    this.#open.set(name, open);
    open.catch(() => this.#open.delete(name));
    return this.#handOf(await open, instance);
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

  async #reach(instance: Instance, timeout: Milliseconds): Promise<Reached> {
    const session = await this.#options.servers.connect(instance.key, {timeout});
    this.#sessions.set(keyText(instance.key), session);
    const reached = {session, flavor: flavorOf(instance)};
    try {
      await this.#options.journal(instance.key, session.connectionId);
      await this.#endFormer(reached);
      return reached;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** Nothing is asked where all sessions of a former holder were seen gone, or where there was none. */
  async #endFormer({session, flavor}: Reached): Promise<void> {
    const {key} = session;
    const former = (this.#options.former ?? []).filter(({instance}) => sameKey(instance, key));
    if (former.length === 0) return;
    const say = (statement: Statement): Promise<readonly Row[]> => this.#send(session, statement, STATEMENT_TIMEOUT);
    const {left, remarks} = await killThrough({key, flavor, say}, former, STATEMENT_TIMEOUT);
    if (left.length === 0) return;
    throw new OrchestratorError('CONTENDED', `nothing is sent to ${keyText(key)}: ${remarks.join('; ')}`, {
      hint: 'look at its process list; once they are gone, try again',
    });
  }

  #handOf({session, flavor}: Reached, instance: Instance): Hand {
    const tag = flavor.takesComments ? `${tagOf(this.#sender)} ` : '';
    const say = async (statement: Statement, limit: Milliseconds = STATEMENT_TIMEOUT) =>
      this.#send(session, {...statement, text: `${tag}${statement.text}`}, limit);
    return handOf({key: session.key, flavor, names: this.#names, instance}, say);
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
        this.#unanswered.push({instance: session.key, connectionId: session.connectionId});
      }
      throw error;
    }
  }

  #drop(name: string): void {
    this.#sessions.delete(name);
    this.#open.delete(name);
  }
}
