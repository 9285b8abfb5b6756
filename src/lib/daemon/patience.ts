import type {Instance} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {VetoCode} from '../plan/vetoes.ts';

/** After a refusal the same source is not planned for again before this; doubled each time, up to the last. */
const FIRST_PAUSE: Milliseconds = 2_000;
const LONGEST_PAUSE: Milliseconds = 60_000;
/** Each attempt that fails tells people so. */
const LONGEST_AFTER_FAILURE: Milliseconds = 600_000;
/** Where something is not as it was when it was refused, no longer than this; what changes all the time brings no more looks than that. */
const SOON: Milliseconds = 5_000;

/** Held back by rows of the backend, which no probe shows: a person changes them, and means now. */
const BY_ROWS: ReadonlySet<VetoCode> = new Set(['recovery-disabled', 'recently-recovered', 'being-changed']);

export interface Moment {
  readonly now: Monotonic;
  /** What decisions rest on, as it is now: see `circumstancesOf`. */
  circumstances(): string;
}

/** How long a case is left alone after an attempt that came to nothing. */
export class Patience {
  #pause: Milliseconds = FIRST_PAUSE;
  #notBefore: Monotonic = 0;
  /** From here on as soon as anything has changed. */
  #soon: Monotonic = 0;
  #refusedAt = '';

  isOver({now, circumstances}: Moment): boolean {
    if (now >= this.#notBefore) return true;
    return now >= this.#soon && circumstances() !== this.#refusedAt;
  }

  /** @returns how long it is left alone at most, as long as nothing changes */
  begin(code: VetoCode, {now, circumstances}: Moment): Milliseconds {
    // Who only waits for its turn takes it as soon as there is room.
    const pause = code === 'too-many-recoveries' ? 0 : BY_ROWS.has(code) ? Math.min(this.#pause, SOON) : this.#pause;
    this.#notBefore = now + pause;
    // What failed was tried, with hooks and all; it is not tried again because it left traces.
    this.#soon = isFailure(code) ? this.#notBefore : now + Math.min(pause, SOON);
    this.#refusedAt = circumstances();
    if (code !== 'too-many-recoveries') this.#pause = Math.min(this.#pause * 2, code === 'failed' ? LONGEST_AFTER_FAILURE : LONGEST_PAUSE);
    return pause;
  }

  /** It went well: the next trouble is another one. */
  end(): void {
    this.#pause = FIRST_PAUSE;
  }
}

function isFailure(code: VetoCode): boolean {
  return code === 'failed' || code === 'pre-hook-failed';
}

/**
 * What a refusal may rest on: who of the cluster answers, how each replicates, what people said, and, where the source is gone, what
 * each has. Positions below a source that lives change all the time and count for nothing. Pure.
 */
export function circumstancesOf(topology: Topology, key: InstanceKey): string {
  const subject = topology.get(key);
  if (!subject) return '';
  const members = topology.instances.filter(({cluster}) => cluster.name === subject.cluster.name);
  return JSON.stringify(members.map((one) => [keyText(one.key), standing(one), ...(subject.check.valid ? [] : positions(one))]));
}

function standing({check, readOnly, replication, semiSync, wishes}: Instance): readonly unknown[] {
  const {downtime, inMaintenance, lockedBy, promotionRule} = wishes;
  return [
    check.valid ? 'answers' : check.reach,
    readOnly,
    replication && [
      replication.source,
      replication.receiver.state,
      replication.applier.state,
      replication.applier.errno,
      replication.delay,
    ],
    [semiSync.sourceStatus, semiSync.replicaStatus],
    [downtime?.reason, inMaintenance, lockedBy, promotionRule],
  ];
}

function positions({gtid, replication}: Instance): readonly unknown[] {
  return [gtid.executed, gtid.currentPos, gtid.errant, replication?.retrievedGtid, replication?.read, replication?.executed];
}
