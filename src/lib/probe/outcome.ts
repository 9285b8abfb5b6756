import type {InstanceKey} from '../model/instance-key.ts';
import type {Reading} from '../model/instance.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {Unreachable} from '../servers/servers.ts';

interface Probed {
  /** The key that was connected to; `reading.key` is what the server is called (MySQLHostnameResolveMethod). */
  readonly asked: InstanceKey;
  /** When the probe began, so that an older one never overwrites a newer one. */
  readonly startedAt: Monotonic;
  readonly took: Milliseconds;
}

export interface Found extends Probed {
  readonly ok: true;
  readonly reading: Reading;
  /** What the server calls the host it runs on, whatever name it is known by; null: it was not asked. */
  readonly hostname: string | null;
  /** What the server did not let us know, and why: the reading has nothing there. */
  readonly remarks: readonly string[];
}

export interface NotFound extends Probed {
  readonly ok: false;
  /** What the server is called, once it said so; else as asked. */
  readonly key: InstanceKey;
  readonly unreachable: Unreachable;
  /** It answered what it is, and then not what had to be known as well. */
  readonly partial: boolean;
  readonly message: string;
}

export type ProbeOutcome = Found | NotFound;
