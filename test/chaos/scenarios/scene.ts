import type {BackendKind} from '../backends/backend.ts';
import type {ClusterName, Managed} from '../cluster/managed.ts';
import type {Stage} from '../cluster/stage.ts';
import {pause, type FaultKind, type Faults, type Traps} from '../faults.ts';
import type {Outcome} from '../invariants.ts';
import type {Application} from '../workload.ts';

/** What a scenario works with. */
export interface Scene {
  readonly stage: Stage;
  readonly faults: Faults;
  readonly traps: Traps;
  /** The cluster that is hit, where one is. */
  readonly cluster: Managed;
  readonly application: Application;
  /** Uniformly between two numbers, the same for the same seed. */
  between(least: number, most: number): number;
  /** Writes down a length of time for the report, milliseconds. */
  measure(what: string, milliseconds: number): void;
}

export interface Scenario {
  readonly name: string;
  readonly faults: readonly FaultKind[];
  /** Of the cluster that is hit; all others end as `none`. */
  readonly expected: Outcome;
  /** Leadership must stay where it is. */
  readonly steady?: true;
  /** It moves so often, and no more. */
  readonly elections?: number;
  /** Leadership may move all the same: the machine is too busy to tell. */
  readonly mayMove?: true;
  /** Where it applies; everywhere unless given. */
  readonly on?: readonly BackendKind[];
  readonly clusters?: readonly ClusterName[];
  act(scene: Scene): Promise<void>;
}

/** A scenario, and the cluster that it hits. */
export interface Move {
  readonly scenario: Scenario;
  readonly cluster: ClusterName;
}

export const NONE: Outcome = {ends: 'none'};
export const PROMOTE: Outcome = {ends: 'promote'};
/** Longer than a lease, and than it takes to find any death. */
export const LONG = {least: 8_000, most: 12_000};
/** Of the longest wait for what should take a few seconds. */
export const PATIENCE = 60_000;

/** Waits until another server of the cluster has acknowledged a write. */
export async function promoted({application, cluster: {source}, stage}: Scene, since: number): Promise<number> {
  const found = (): number | null => application.firstElsewhere(source, since);
  const deadline = performance.now() + PATIENCE;
  for (let at = found(); ; at = found()) {
    if (at !== null) return at - since;
    if (performance.now() > deadline) throw new Error(`nobody was promoted within ${PATIENCE} ms; ${await whoLeads(stage)}`);
    await pause(20);
  }
}

async function whoLeads(stage: Stage): Promise<string> {
  return stage.leader(1_000).then(
    ({name}) => `${name} leads`,
    () => 'nobody leads',
  );
}

/** Waits until another node leads. */
export async function deposed(stage: Stage, former: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while ((await stage.leader(PATIENCE)).name === former) {
    if (performance.now() > deadline) throw new Error(`${former} still leads`);
    await pause(50);
  }
}
