import {setTimeout as sleep} from 'node:timers/promises';
import {evidenceOf, type Evidence} from '../analysis/evidence.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Milliseconds} from '../model/units.ts';

/** Least time between the two confirmations of a death (coordination.md §5). */
export const BETWEEN_CONFIRMATIONS: Milliseconds = 50;
/** How long replicas may take to notice that their source is gone, before their receivers are restarted. */
const NOTICE_WITHIN: Milliseconds = 1000;
/** After a restart a receiver that can reach its source is connected within milliseconds; one that is not after this agrees. */
const HANDSHAKE_WITHIN: Milliseconds = 1000;

export interface Look {
  /** Probes these servers anew, each over a fresh connection, and gives the topology as it is then. */
  look(keys: readonly InstanceKey[]): Promise<Topology>;
  /** Restarts the receiver of a replica, leaving its applier running. */
  restartReceiver(replica: Instance): Promise<void>;
}

export interface Verdict {
  readonly dead: boolean;
  /** One sentence each round. */
  readonly because: readonly string[];
  readonly topology: Topology;
}

/**
 * Whether a source is dead: seen twice, at least 50 ms apart, over fresh connections to it and to all its replicas; none may
 * still receive from it and at least one must agree, by error number. Where it neither answers nor refuses, the receivers
 * of its replicas are restarted, because they would take a minute to notice (coordination.md §5).
 *
 * @param grace added between the two confirmations
 */
export async function confirmDead(by: Look, source: InstanceKey, topology: Topology, grace: Milliseconds): Promise<Verdict> {
  const all = [source, ...topology.replicasOf(source).map(({key}) => key)];
  const restarted = new Set<string>();
  const first = await settle(by, {source, all, restarted});
  if (!first.evidence.dead) return {dead: false, because: [first.evidence.because], topology: first.topology};
  await sleep(BETWEEN_CONFIRMATIONS + grace);
  const second = await settle(by, {source, all, restarted});
  return {dead: second.evidence.dead, because: [first.evidence.because, second.evidence.because], topology: second.topology};
}

interface Scene {
  readonly source: InstanceKey;
  readonly all: readonly InstanceKey[];
  /** Replicas whose receiver we restarted, as `host:port`. */
  readonly restarted: Set<string>;
}

interface Seen {
  readonly topology: Topology;
  readonly evidence: Evidence;
}

/** Looks until the replicas have made up their mind, restarting receivers where waiting does not help. */
async function settle(by: Look, scene: Scene): Promise<Seen> {
  let seen = judge(await by.look(scene.all), scene);
  let until = performance.now() + NOTICE_WITHIN;
  let waitedFor: readonly Instance[] = [];
  while (seen.evidence.undecided) {
    if (performance.now() > until && waitedFor.length > 0) {
      for (const {key} of waitedFor) scene.restarted.add(keyText(key));
      return judge(seen.topology, scene);
    }
    const silent = seen.topology.get(scene.source)?.check.reach === 'silent';
    if (waitedFor.length === 0 && (silent || performance.now() > until)) {
      waitedFor = await restartReceivers(by, seen, scene);
      if (waitedFor.length === 0) return seen;
      until = performance.now() + HANDSHAKE_WITHIN;
    }
    await sleep(10);
    seen = judge(await by.look(scene.all.filter((key) => !sameKey(key, scene.source))), scene);
  }
  return seen;
}

function judge(topology: Topology, {source, restarted}: Scene): Seen {
  return {topology, evidence: evidenceOf(topology, source, restarted)};
}

/** Restarts the receivers that still claim to be connected or connecting, each once. */
async function restartReceivers(by: Look, {topology}: Seen, scene: Scene): Promise<readonly Instance[]> {
  const wanted = topology
    .replicasOf(scene.source)
    .filter(({key, check, replication}) => check.valid && replication?.receiver.state !== 'stopped' && !scene.restarted.has(keyText(key)));
  await Promise.all(wanted.map((replica) => by.restartReceiver(replica)));
  return wanted;
}
