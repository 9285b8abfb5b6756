/** What the outside application is told. Ports are of 127.0.0.1. */
export type ToClient =
  | {readonly do: 'write'; readonly source: number; readonly ratePerSecond: number}
  | {readonly do: 'strike'; readonly pid: number; readonly signal: 'SIGKILL' | 'SIGSTOP'; readonly replicas: readonly number[]}
  /** Try these too from now on, until one of them accepts a write; then stop writing to the source. */
  | {readonly do: 'follow'; readonly successors: readonly number[]}
  | {readonly do: 'stop'};

/** What it says. Times are milliseconds; `at` since 1970, `after` since the strike. */
export type FromClient =
  | {readonly is: 'writing'}
  | {readonly is: 'struck'; readonly at: number}
  | {readonly is: 'accepted'; readonly port: number; readonly after: number}
  | {readonly is: 'following'}
  /** `gap`: from the last write that the source acknowledged to the first that another did. */
  | {readonly is: 'moved'; readonly port: number; readonly gap: number}
  | Report;

export interface Report {
  readonly is: 'report';
  /** Every id whose insert was acknowledged, by whichever server. */
  readonly ids: readonly number[];
  /** Acknowledged writes a second before the strike. */
  readonly ratePerSecond: number;
  /** Servers other than the source that accepted writes, and when first. */
  readonly acceptedBy: readonly (readonly [port: number, after: number])[];
  /** When the kernel closed the connections of the struck source: nobody can know of its death before. null = it did not */
  readonly closedAfter: number | null;
}
