import {setTimeout as sleep} from 'node:timers/promises';
import {mayRestartReceiver} from '../../analysis/emergent.ts';
import {evidenceOf, NOTHING_OBSERVED, type Evidence} from '../../analysis/evidence.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import type {Permit} from './permit.ts';

/** Least time from the look that confirmed a death to the one that confirms it again (coordination.md §5). */
export const BETWEEN_CONFIRMATIONS: Milliseconds = 50;
/** How long replicas may take to notice that their source is gone, before their receivers are restarted. */
const NOTICE_WITHIN: Milliseconds = 1000;
/** After a restart a receiver that can reach its source is connected within milliseconds; one that is not after this agrees. */
const HANDSHAKE_WITHIN: Milliseconds = 1000;
/** Between two looks at replicas that have not made up their mind. */
const LOOK_EACH: Milliseconds = 10;

/** Looks that reach nobody who has a say, before a death that was confirmed a moment ago counts as unconfirmed. */
const BLIND_LOOKS = 3;

/** Eyes on the servers. */
export interface Look {
  /** Reads these servers anew, whole, and gives the topology as it is then: what a decision is planned from. */
  look(keys: readonly InstanceKey[]): Promise<Topology>;
  /** Over fresh connections, and of a replica that was probed before only how its replication stands: what a death is confirmed by. */
  glance(keys: readonly InstanceKey[]): Promise<Topology>;
  /**
   * Restarts the receiver of a replica, leaving its applier running.
   *
   * @returns false where it was not restarted, now or a moment ago: what it says of its source is no news then
   */
  restartReceiver(replica: Instance, permit: Permit): Promise<boolean>;
}

export interface Verdict {
  readonly dead: boolean;
  /** One sentence each round. */
  readonly because: readonly string[];
  readonly topology: Topology;
  /** Replicas whose receiver was restarted and did not get through, as `host:port`. */
  readonly handshakeOverdue: ReadonlySet<string>;
}

/**
 * Whether a source is dead: seen twice, at least 50 ms apart, over fresh connections to it and to all its replicas; none may
 * still receive from it and at least one must agree, by error number. Where it neither answers nor refuses, the receivers
 * of its replicas are restarted, because they would take a minute to notice (coordination.md §5).
 *
 * @param more.permit for restarting receivers
 * @param more.grace added between the two confirmations
 * @param more.overdue what an earlier verdict said of restarted receivers
 * @param more.again it was confirmed so before, a moment ago: one more look is enough to change our mind, unless it reaches nobody
 */
export async function confirmDead(
  by: Look,
  {source, topology}: {source: InstanceKey; topology: Topology},
  more: {permit: Permit; grace?: Milliseconds; overdue?: ReadonlySet<string>; again?: boolean},
): Promise<Verdict> {
  const all = [source, ...topology.replicasOf(source).map(({key}) => key)];
  const scene: Scene = {source, all, overdue: new Set(more.overdue), permit: more.permit};
  const first = await (more.again ? settleAgain(by, scene) : settle(by, scene));
  if (!first.dead || more.again) return {...first, because: [first.because], handshakeOverdue: scene.overdue};
  // From asking to asking: how long a busy machine takes to answer is no part of the patience.
  const askedAgain = first.asked + BETWEEN_CONFIRMATIONS + (more.grace ?? 0);
  await sleep(Math.max(0, askedAgain - performance.now()));
  const second = await settle(by, scene);
  return {...second, because: [first.because, second.because], handshakeOverdue: scene.overdue};
}

interface Scene {
  readonly source: InstanceKey;
  readonly all: readonly InstanceKey[];
  readonly overdue: Set<string>;
  readonly permit: Permit;
}

interface Seen {
  readonly topology: Topology;
  /** When the look that this was seen by began. */
  readonly asked: Monotonic;
  readonly dead: boolean;
  /** It does not answer, and some replica may still change its mind: worth looking again. */
  readonly undecided: boolean;
  /** It does not answer, and neither does anybody else who has a say: a busy machine here, or the network. */
  readonly blind: boolean;
  readonly because: string;
}

/** Nothing was contradicted by a look that reached nobody. */
async function settleAgain(by: Look, scene: Scene): Promise<Seen> {
  let seen = await settle(by, scene);
  for (let looks = 1; seen.blind && looks < BLIND_LOOKS; looks += 1) seen = await settle(by, scene);
  return seen;
}

/** Looks until the replicas have made up their mind, restarting receivers where waiting does not help. */
async function settle(by: Look, scene: Scene): Promise<Seen> {
  let seen = await glanceAt(by, scene.all, scene);
  let until = performance.now() + NOTICE_WITHIN;
  let waitedFor: readonly Instance[] = [];
  while (seen.undecided) {
    // What was asked too soon says nothing of who takes too long, however late the answer of another one makes it.
    const late = seen.asked > until;
    if (late && waitedFor.length > 0) {
      const overdue = waitedFor.filter(({key}) => !isConnected(seen.topology.get(key)));
      for (const {key} of overdue) scene.overdue.add(keyText(key));
      return judge(seen, scene);
    }
    if (waitedFor.length === 0 && (late || isSilent(seen.topology, scene.source))) {
      waitedFor = await restartReceivers(by, seen.topology, scene);
      if (waitedFor.length === 0) return seen;
      until = performance.now() + HANDSHAKE_WITHIN;
    }
    await sleep(LOOK_EACH);
    const others = scene.all.filter((key) => !sameKey(key, scene.source));
    seen = await glanceAt(by, others, scene);
  }
  return seen;
}

async function glanceAt(by: Look, keys: readonly InstanceKey[], scene: Scene): Promise<Seen> {
  const asked = performance.now();
  return judge({asked, topology: await by.glance(keys)}, scene);
}

function judge({asked, topology}: Pick<Seen, 'asked' | 'topology'>, {source, overdue}: Scene): Seen {
  const it = topology.get(source);
  const evidence = evidenceOf(topology, source, {...NOTHING_OBSERVED, handshakeOverdue: overdue});
  const answers = !it || it.check.valid || it.check.reach === 'alive' || it.check.reach === 'never-tried';
  const unsettled = topology.replicasOf(source).some((replica) => isUnsettled(replica, overdue));
  const blind = !answers && evidence.unreachable.length > 0 && [evidence.agrees, evidence.abstains, evidence.contradicts].every(isEmpty);
  return {
    topology,
    asked,
    dead: !answers && evidence.gone,
    undecided: !answers && unsettled,
    blind,
    because: sentence(it, source, evidence),
  };
}

function isEmpty(voices: readonly unknown[]): boolean {
  return voices.length === 0;
}

/** It is connected as far as it knows, or connecting and has not said how that ended. */
function isUnsettled({key, check, replication}: Instance, overdue: ReadonlySet<string>): boolean {
  if (!check.valid || !replication) return false;
  const {state, errno} = replication.receiver;
  return state === 'running' || (state === 'other' && errno === 0 && !overdue.has(keyText(key)));
}

function isConnected(replica: Instance | undefined): boolean {
  return replica?.replication?.receiver.state === 'running';
}

/** No answer at all, neither yes nor no: its replicas believe in it for up to slave_net_timeout. */
function isSilent(topology: Topology, source: InstanceKey): boolean {
  const reach = topology.get(source)?.check.reach;
  return reach === 'silent' || reach === 'unroutable';
}

/**
 * Restarts receivers, each once: of a silent source all that still believe in it; of one that refuses only those that are
 * connecting and do not say how that ended, since a connected one would have noticed.
 */
async function restartReceivers(by: Look, topology: Topology, scene: Scene): Promise<readonly Instance[]> {
  const silent = isSilent(topology, scene.source);
  const wanted = topology
    .replicasOf(scene.source)
    .filter((replica) => isUnsettled(replica, scene.overdue) && mayRestartReceiver(replica))
    .filter(({replication}) => silent || replication?.receiver.state === 'other');
  // One that cannot be restarted says nothing, and keeps nobody from asking the others.
  const restarted = await Promise.all(wanted.map((replica) => by.restartReceiver(replica, scene.permit).catch(() => false)));
  return wanted.filter((_, index) => restarted[index]);
}

function sentence(it: Instance | undefined, source: InstanceKey, {agrees, abstains, contradicts, unreachable}: Evidence): string {
  const own =
    !it || it.check.valid ? 'answers' : it.check.errno ? `answers with error ${it.check.errno}` : `does not answer (${it.check.reach})`;
  return [`${keyText(source)} ${own}`, ...[...agrees, ...contradicts, ...abstains, ...unreachable].map((voice) => voice.because)].join(
    '; ',
  );
}
