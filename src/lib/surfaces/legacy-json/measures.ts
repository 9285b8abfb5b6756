import {
  countServers,
  summary,
  type ProbeMeasure,
  type QueryMeasure,
  type QueueMeasure,
  type Summary,
  type WriteMeasure,
} from '../../operations/service/measures.ts';
import type {Config} from '../../config/keys.ts';
import {nanoseconds, type Json} from './values.ts';

const time = (at: number): string => new Date(at).toISOString();
const STATISTICS = {Mean: 'mean', Max: 'max', Median: 'median', P95: 'p95'} as const satisfies Record<string, keyof Summary>;
type Object = Readonly<Record<string, Json>>;

/** `NAME(statistic)` → its value, of one list of numbers. */
function statistics(values: readonly number[], name: (statistic: string) => string): Object {
  const found = summary(values);
  return Object.fromEntries(Object.entries(STATISTICS).map(([word, key]) => [name(word), found[key]]));
}

export function probesJson(probes: readonly ProbeMeasure[]): Json {
  return probes.map(({at, key, backend, instance, total, error}) => ({
    Timestamp: time(at),
    Hostname: key.host,
    Port: key.port,
    BackendLatencySeconds: backend,
    InstanceLatencySeconds: instance,
    TotalLatencySeconds: total,
    Err: error,
  }));
}

export function probesSummaryJson(probes: readonly ProbeMeasure[]): Json {
  const [ok, bad] = [probes.filter(({error}) => error === null), probes.filter(({error}) => error !== null)];
  const latencies = (prefix: string, of: readonly ProbeMeasure[]): Object => ({
    ...statistics(
      of.map(({total}) => total),
      (word) => `${prefix}${word}TotalSeconds`,
    ),
    ...statistics(
      of.map(({backend}) => backend),
      (word) => `${prefix}${word}BackendSeconds`,
    ),
    ...statistics(
      of.map(({instance}) => instance),
      (word) => `${prefix}${word}InstanceSeconds`,
    ),
  });
  const [first, last] = [probes[0], probes.at(-1)];
  return {
    FirstSeen: first === undefined ? '' : time(first.at),
    LastSeen: last === undefined ? '' : time(last.at),
    CountDistinctInstanceKeys: countServers(probes),
    CountDistinctOkInstanceKeys: countServers(ok),
    CountDistinctFailedInstanceKeys: countServers(bad),
    FailedDiscoveries: bad.length,
    SuccessfulDiscoveries: ok.length,
    ...latencies('', ok),
    ...latencies('Failed', bad),
  };
}

export function queueJson(samples: readonly QueueMeasure[]): Json {
  return samples.map(({active, queued}) => ({Active: active, Queued: queued}));
}

export function queueSummaryJson(samples: readonly QueueMeasure[]): Json {
  const entries = (prefix: string, values: readonly number[]): Object => ({
    [`${prefix}MinEntries`]: summary(values).min,
    ...statistics(values, (word) => `${prefix}${word}Entries`),
  });
  const [active, queued] = [samples.map((one) => one.active), samples.map((one) => one.queued)];
  return {...entries('Active', active), ...entries('Queued', queued)};
}

export function queriesJson(queries: readonly QueryMeasure[]): Json {
  return queries.map(({at, wait, execute, error}) => ({
    Timestamp: time(at),
    WaitLatency: nanoseconds(wait),
    ExecuteLatency: nanoseconds(execute),
    Err: error,
  }));
}

export function queriesSummaryJson(queries: readonly QueryMeasure[]): Json {
  return {
    Count: queries.length,
    ...statistics(
      queries.map(({execute}) => execute),
      (word) => `${word}LatencySeconds`,
    ),
    ...statistics(
      queries.map(({wait}) => wait),
      (word) => `${word}WaitSeconds`,
    ),
  };
}

export function writesJson(writes: readonly WriteMeasure[]): Json {
  return writes.map(({at, instances, wait, write}) => ({
    Timestamp: time(at),
    Instances: instances,
    WaitLatency: nanoseconds(wait),
    WriteLatency: nanoseconds(write),
  }));
}

export function writesSummaryJson(
  writes: readonly WriteMeasure[],
  config: Pick<Config, 'InstanceWriteBufferSize' | 'InstanceFlushIntervalMilliseconds'>,
): Json {
  return {
    InstanceWriteBufferSize: config.InstanceWriteBufferSize,
    InstanceFlushIntervalMilliseconds: config.InstanceFlushIntervalMilliseconds,
    CountInstances: writes.reduce((sum, {instances}) => sum + instances, 0),
    ...statistics(
      writes.map(({instances}) => instances),
      (word) => `${word}Instances`,
    ),
    ...statistics(
      writes.map(({wait}) => wait),
      (word) => `${word}WaitSeconds`,
    ),
    ...statistics(
      writes.map(({write}) => write),
      (word) => `${word}WriteSeconds`,
    ),
  };
}
