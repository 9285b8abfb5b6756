import {hash} from 'node:crypto';
import {keyText} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Value} from '../fit.ts';
import {detailOf} from './detail.ts';
import {toRow} from './to-row.ts';
import type {SeenInstance} from './write.ts';

/** A probe in the words of its two rows. */
export interface ToWrite extends SeenInstance {
  readonly row: Readonly<Record<string, Value>>;
  readonly detail: string;
  /** The same for rows that differ in nothing but times, and in what grows with them. */
  readonly content: string;
}

export function toWrite(seen: SeenInstance): ToWrite {
  const row = toRow(seen.instance);
  const detail = JSON.stringify(detailOf(seen.instance));
  const content = hash('sha1', JSON.stringify([{...row, uptime: 0, last_discovery_latency: 0}, detail]));
  return {...seen, row, detail, content};
}

/** What this process wrote last of each instance. */
export class LastWritten {
  readonly #known = new Map<string, Known>();

  /** Nothing has changed, nobody else has written it since, and the server was not restarted. */
  isSame({instance, startedAt, content, stored}: ToWrite & {readonly stored: number}): boolean {
    const known = this.#known.get(keyText(instance.key));
    if (known?.content !== content || known.started !== stored) return false;
    return Math.abs(bootedAt({instance, startedAt}) - known.booted) <= UPTIME_WITHIN;
  }

  remember(written: readonly (ToWrite & {readonly started: number})[]): void {
    for (const {instance, startedAt, content, started} of written)
      this.#known.set(keyText(instance.key), {content, started, booted: bootedAt({instance, startedAt})});
  }
}

interface Known {
  readonly content: string;
  /** As stored: microseconds of the backend's clock. */
  readonly started: number;
  /** On our own clock. */
  readonly booted: Seconds;
}

/** Uptimes are whole seconds. */
const UPTIME_WITHIN: Seconds = 2;

function bootedAt({instance, startedAt}: SeenInstance): Seconds {
  return startedAt / 1000 - instance.uptime;
}
