import {expect, test} from 'vitest';
import {Measures, summary} from '../../../src/lib/operations/service/measures.ts';
import {
  probesJson,
  probesSummaryJson,
  queriesSummaryJson,
  queueSummaryJson,
  writesJson,
  writesSummaryJson,
} from '../../../src/lib/surfaces/legacy-json/measures.ts';

const probe = (host: string, instance: number, error: string | null = null) => ({
  key: {host, port: 1},
  instance,
  error,
});

test.each([
  {values: [], says: {min: 0, mean: 0, median: 0, p95: 0, max: 0}},
  {values: [3], says: {min: 3, mean: 3, median: 3, p95: 3, max: 3}},
  {values: [4, 1, 3, 2], says: {min: 1, mean: 2.5, median: 2.5, p95: 4, max: 4}},
  {values: Array.from({length: 100}, (_, at) => 100 - at), says: {min: 1, mean: 50.5, median: 50.5, p95: 95, max: 100}},
])('summary of $values', ({values, says}) => {
  expect(summary(values)).toEqual(says);
});

test('only what is recent is told, and only so much is kept', () => {
  let now = 0;
  const measures = new Measures({retention: 10, samples: 3, now: () => now});
  for (now = 0; now <= 20_000; now += 1000) {
    measures.probed(probe(`h${now}`, 1));
    measures.queued({active: now / 1000, queued: 0});
  }
  now = 20_000;
  expect(measures.probes(5).map(({at}) => at)).toEqual([15_000, 16_000, 17_000, 18_000, 19_000, 20_000]);
  expect(measures.probes(1000)).toHaveLength(11);
  expect(measures.queue(1000).map(({active}) => active)).toEqual([18, 19, 20]);
});

test('a long run keeps what is recent', () => {
  let now = 0;
  const measures = new Measures({retention: 1, samples: 1, now: () => now});
  for (now = 0; now < 50_000; now += 10) measures.asked({wait: 0, execute: 1, error: null});
  now = 50_000;
  expect(measures.queries(1000)).toHaveLength(101);
});

test('what a probe cost the backend is known once what it found is written', () => {
  const measures = new Measures({retention: 10, samples: 3, now: () => 0});
  measures.probed(probe('a', 0.5));
  measures.probed(probe('b', 0.5));
  measures.wrote({instances: 2, keys: [{host: 'a', port: 1}], wait: 0.1, write: 0.25});
  measures.wrote({instances: 2, keys: [{host: 'a', port: 1}], wait: 0.1, write: 9});
  expect(measures.probes(9).map(({backend, total}) => [backend, total])).toEqual([
    [0.25, 0.75],
    [0, 0.5],
  ]);
});

test('every key has the name it had', () => {
  const measures = new Measures({retention: 10, samples: 3, now: () => 0});
  measures.probed(probe('a', 0.5));
  measures.probed(probe('a', 1.5));
  measures.probed(probe('b', 3, 'refused'));
  measures.queued({active: 2, queued: 1});
  measures.asked({wait: 0, execute: 0.25, error: null});
  measures.wrote({instances: 3, wait: 0.1, write: 0.002});
  expect(probesJson(measures.probes(9).slice(0, 1))).toEqual([
    {
      Timestamp: '1970-01-01T00:00:00.000Z',
      Hostname: 'a',
      Port: 1,
      BackendLatencySeconds: 0,
      InstanceLatencySeconds: 0.5,
      TotalLatencySeconds: 0.5,
      Err: null,
    },
  ]);
  const all = (prefix: string) =>
    ['Total', 'Backend', 'Instance'].flatMap((what) => ['Mean', 'Max', 'Median', 'P95'].map((word) => `${prefix}${word}${what}Seconds`));
  const probes = probesSummaryJson(measures.probes(9)) as Record<string, unknown>;
  expect(probes).toMatchObject({
    CountDistinctInstanceKeys: 2,
    CountDistinctOkInstanceKeys: 1,
    CountDistinctFailedInstanceKeys: 1,
    FailedDiscoveries: 1,
    SuccessfulDiscoveries: 2,
    MeanTotalSeconds: 1,
    FailedMaxInstanceSeconds: 3,
  });
  expect(Object.keys(probes).slice(7)).toEqual([...all(''), ...all('Failed')]);
  expect(queueSummaryJson(measures.queue(9))).toEqual({
    ActiveMinEntries: 2,
    ActiveMeanEntries: 2,
    ActiveMaxEntries: 2,
    ActiveMedianEntries: 2,
    ActiveP95Entries: 2,
    QueuedMinEntries: 1,
    QueuedMeanEntries: 1,
    QueuedMaxEntries: 1,
    QueuedMedianEntries: 1,
    QueuedP95Entries: 1,
  });
  expect(queriesSummaryJson(measures.queries(9))).toMatchObject({Count: 1, MaxLatencySeconds: 0.25, P95WaitSeconds: 0});
  expect(writesJson(measures.writes(9))).toEqual([
    {Timestamp: '1970-01-01T00:00:00.000Z', Instances: 3, WaitLatency: 100_000_000, WriteLatency: 2_000_000},
  ]);
  expect(writesSummaryJson(measures.writes(9), {InstanceWriteBufferSize: 100, InstanceFlushIntervalMilliseconds: 50})).toMatchObject({
    InstanceWriteBufferSize: 100,
    InstanceFlushIntervalMilliseconds: 50,
    CountInstances: 3,
    MeanInstances: 3,
    MaxWaitSeconds: 0.1,
    MedianWriteSeconds: 0.002,
  });
});
