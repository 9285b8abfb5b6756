import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {sandbox, type Sandbox} from '../sandbox/index.ts';
import {backendHost, type BackendHost} from './support/index.ts';
import {contest} from './support/contention/contest.ts';

const SEED = Number(process.env['ORCHESTRATOR_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** `script/contention` does the same with twenty for a minute. */
describe.each(['galera', 'group'] as const)('commands and services at one cluster, with a backend of %s', (kind) => {
  let host: BackendHost;
  let box: Sandbox;
  beforeAll(async () => {
    [host, box] = await Promise.all([backendHost(kind), sandbox({flavor: 'mariadb'})]);
  });
  afterAll(() => Promise.all([host?.down(), box?.down()]));

  test(`are told nothing that is not so, and lose nothing (seed ${SEED})`, async () => {
    const {contradictions, counts, acknowledged} = await contest({host, box, services: 3, workers: 6, milliseconds: 8000, seed: SEED});
    expect(contradictions).toEqual([]);
    // otherwise the test has tested nothing
    expect(acknowledged).toBeGreaterThan(0);
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(20);
  });
});
