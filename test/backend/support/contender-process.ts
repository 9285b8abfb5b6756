/**
 * A process that contends for the lease, or for a lock, until it is killed. Started by tests with its settings as one argument;
 * says on standard output, a JSON line each, what it can rely on, by the monotonic clock that all processes of a machine share.
 */
import {startLeadership} from '../../../src/lib/coordination/leadership.ts';
import {acquireLock} from '../../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../../src/lib/coordination/lock/contention.ts';
import {keepLock} from '../../../src/lib/coordination/lock/keep.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import type {Timing} from '../../../src/lib/coordination/timing.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import {openBackend} from '../../../src/lib/store/open.ts';

export interface ContenderSettings {
  readonly name: string;
  readonly config: Config;
  readonly timing: Timing;
  readonly for: 'lease' | 'lock';
}

/** One line: at `at` the process could rely on `number` (a term, or a fence) until `until`. */
export interface ContenderLine {
  readonly name: string;
  readonly number: number;
  readonly at: number;
  readonly until: number;
}

const SAMPLE_EACH = 5;

const settings: ContenderSettings = JSON.parse(process.argv[2] ?? '{}');
const {name, config, timing} = settings;
const backend = await openBackend(config, {pool: 1, queryTimeout: 1000, connectTimeout: 1000});
const me = makeNodeId(name);
const log = (level: string, sentence: string): void => console.error(`${name} ${level} ${sentence}`);
/** What to add to our own clock to get the one all processes share. */
const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();

function say(number: number, validUntil: number, at: number = performance.now()): void {
  if (at > validUntil) return;
  const line: ContenderLine = {name, number, at: at + offset, until: validUntil + offset};
  console.log(JSON.stringify(line));
}

if (settings.for === 'lease') {
  const leadership = startLeadership({backend, me, timing, onElected: () => undefined, onDeposed: () => undefined, log});
  const sample = (): void => {
    const lease = leadership.current();
    if (lease !== null) say(lease.term, lease.validUntil);
  };
  const sampling = setInterval(sample, SAMPLE_EACH);
  const end = async (): Promise<void> => {
    clearInterval(sampling);
    const lease = leadership.current();
    const stopped = leadership.stop({release: true});
    const now = performance.now();
    if (lease !== null) say(lease.term, now, now); // from here on it relies on nothing
    await stopped;
    await backend.close();
  };
  process.once('SIGTERM', () => void end());
} else {
  const instances = [{host: 'a', port: 1}];
  const hold = await acquireLock({backend, me, timing, purpose: name, cluster: 'a:1', instances, wait: 3_600_000});
  if (isContention(hold)) throw new Error('an hour was not enough');
  const kept = keepLock({backend, hold, timing, onLost: () => undefined, log});
  setInterval(() => {
    const held = kept.current();
    if (held !== null) say(held.fence, held.validUntil);
  }, SAMPLE_EACH);
}
