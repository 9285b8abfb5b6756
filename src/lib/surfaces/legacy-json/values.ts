import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {compareKeys, type InstanceKey} from '../../model/instance-key.ts';
import type {ThreadState} from '../../model/instance.ts';
import type {Seconds} from '../../model/units.ts';

export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};

export function keyJson(key: InstanceKey | null): Json {
  return {Hostname: key?.host ?? '', Port: key?.port ?? 0};
}

/** Sets of keys are arrays in the order of host, then port. */
export function keysJson(keys: readonly InstanceKey[]): Json {
  return keys.toSorted(compareKeys).map(keyJson);
}

export function coordinatesJson(at: BinlogCoordinates | null, kind: 'binlog' | 'relaylog' = 'binlog'): Json {
  return {LogFile: at?.file ?? '', LogPos: at?.position ?? 0, Type: kind === 'binlog' ? 0 : 1};
}

/** A number that may be NULL, in the shape of Go's sql.NullInt64. */
export function nullableJson(value: number | null): Json {
  return {Int64: Math.trunc(value ?? 0), Valid: value !== null};
}

export function nanoseconds(seconds: Seconds): number {
  return Math.round(seconds * 1e9);
}

const THREAD_STATES: Readonly<Record<ThreadState, number>> = {none: -1, stopped: 0, running: 1, other: 2};

export function threadJson(state: ThreadState): number {
  return THREAD_STATES[state];
}
