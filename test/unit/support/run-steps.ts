import {GtidSet} from '../../../src/lib/model/gtid-set.ts';
import type {Instance, Replication} from '../../../src/lib/model/instance.ts';
import type {Topology} from '../../../src/lib/model/topology.ts';
import type {Step} from '../../../src/lib/plan/plan.ts';

/** What the servers would look like after these steps; MySQL with GTID. Each step may be repeated. */
export function run(topology: Topology, steps: readonly Step[]): Topology {
  return steps.reduce((now, step) => {
    const on = now.get(step.on);
    if (!on?.check.valid) return now;
    return now.with(after(on, step, now));
  }, topology);
}

function after(on: Instance, step: Step, now: Topology): Instance {
  switch (step.do) {
    case 'close-source':
      return {...on, readOnly: true};
    case 'stop-receiver':
      return replicating(on, {receiver: stopped});
    case 'drain':
      return replicating(has(on, on.replication?.retrievedGtid ?? ''), {receiver: stopped, applier: running});
    case 'catch-up':
      return replicating(has(on, now.get(step.from)!.gtid.executed), {source: step.from, receiver: running, applier: running});
    case 'repoint': {
      const all = has(has(on, on.replication?.retrievedGtid ?? ''), now.get(step.source)!.gtid.executed);
      return replicating(all, {source: step.source, receiver: running, applier: running});
    }
    case 'detach':
      return replicating(on, {source: null, receiver: stopped, applier: stopped});
    case 'make-writable':
      return {...replicating(on, {receiver: stopped, applier: stopped}), readOnly: false};
    case 'forget-source':
      return {...on, replication: null};
    case 'prove':
      return on;
    case 'note-place':
    case 'place':
    case 'follow':
    case 'fence':
    case 'rejoin':
    case 'switch-semi-sync':
    case 'count-acknowledging':
    case 'release-commits':
    case 'open-source':
      throw new Error(`${step.do} is no step of a promotion`);
  }
}

const stopped = {state: 'stopped', errno: 0, error: ''} as const;
const running = {state: 'running', errno: 0, error: ''} as const;

function replicating(on: Instance, change: Partial<Replication>): Instance {
  return on.replication ? {...on, replication: {...on.replication, ...change}} : on;
}

function has(on: Instance, more: string): Instance {
  const executed = GtidSet.parse(on.gtid.executed).union(GtidSet.parse(more)).toString();
  return {...on, gtid: {...on.gtid, executed}};
}

/** Reachable, writable, and replicating from nobody. */
export function writableSources(topology: Topology): readonly string[] {
  return topology.instances.filter((one) => one.check.valid && !one.readOnly && one.replication === null).map((one) => one.key.host);
}

/** Whom every other reachable instance follows with both threads running; '' = it does not. */
export function following(topology: Topology): Readonly<Record<string, string>> {
  const followers = topology.instances.filter((one) => one.check.valid && !writableSources(topology).includes(one.key.host));
  const source = ({replication}: Instance): string =>
    replication?.receiver.state === 'running' && replication.applier.state === 'running' ? (replication.source?.host ?? '') : '';
  return Object.fromEntries(followers.map((one) => [one.key.host, source(one)]));
}
