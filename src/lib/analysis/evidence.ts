import type {Instance, Replication} from '../model/instance.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';

/**
 * What one replica says about its source. `agrees`: it cannot reach it. `receives`: its receiver runs. `answered`: the source
 * sent it an error of its own, so it lives. `noticing`: connecting, and nothing is known yet. `abstains`: stopped by a person
 * or for another reason. `unreachable`: not asked.
 */
export type ReplicaSays = 'agrees' | 'receives' | 'answered' | 'noticing' | 'abstains' | 'unreachable';

export interface ReplicaView {
  readonly key: InstanceKey;
  readonly says: ReplicaSays;
  readonly because: string;
}

export interface Evidence {
  /** The source does not answer, at least one replica agrees, and none of the reachable ones says otherwise. */
  readonly dead: boolean;
  /** The source does not answer and some replica may still change its mind: worth looking again. */
  readonly undecided: boolean;
  readonly because: string;
  readonly views: readonly ReplicaView[];
}

/** Client errors that mean "no connection", as a receiver reports them: CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR, CR_UNKNOWN_HOST, CR_SERVER_GONE_ERROR, CR_SERVER_LOST. */
const NETWORK_ERRORS: ReadonlySet<number> = new Set([2002, 2003, 2005, 2006, 2013]);
/** The source itself answered the receiver: too many connections, access denied, host blocked, secure transport required. */
const ANSWERS: ReadonlySet<number> = new Set([1040, 1045, 1129, 1130, 1203, 1226, 3159]);

/**
 * Whether a source is dead, as far as it and its replicas show it (coordination.md §5). Decides by number, never by text.
 *
 * @param restarted `host:port` of replicas whose receiver was restarted and has had time to connect: for them a receiver that
 *   is still connecting without an error counts as unable to
 */
export function evidenceOf(topology: Topology, source: InstanceKey, restarted: ReadonlySet<string> = new Set()): Evidence {
  const it = topology.get(source);
  const views = topology.replicasOf(source).map((replica) => viewOf(replica, restarted));
  const says = (what: ReplicaSays) => views.filter((view) => view.says === what);
  const answers = !it || it.check.valid || it.check.reach === 'alive' || it.check.reach === 'never-tried';
  const contradicted = says('answered').length > 0;
  const waiting = says('receives').length + says('noticing').length > 0;
  const dead = !answers && !contradicted && !waiting && says('agrees').length > 0;
  return {dead, undecided: !answers && !contradicted && waiting, because: sentence(it, source, views), views};
}

function viewOf(replica: Instance, restarted: ReadonlySet<string>): ReplicaView {
  const {key, check, replication} = replica;
  if (!check.valid) return {key, says: 'unreachable', because: `it cannot be asked (${check.reach})`};
  if (!replication) return {key, says: 'abstains', because: 'it is not a replica any more'};
  return {key, ...saying(replication, restarted.has(keyText(key)))};
}

function saying({receiver}: Replication, restarted: boolean): {says: ReplicaSays; because: string} {
  if (receiver.state === 'running') return {says: 'receives', because: 'its receiver is running'};
  if (NETWORK_ERRORS.has(receiver.errno)) return {says: 'agrees', because: `its receiver is not connected, error ${receiver.errno}`};
  if (ANSWERS.has(receiver.errno)) return {says: 'answered', because: `the source answered it with error ${receiver.errno}`};
  if (receiver.state === 'stopped')
    return {says: 'abstains', because: `its receiver is stopped${receiver.errno ? `, error ${receiver.errno}` : ''}`};
  return restarted
    ? {says: 'agrees', because: 'its receiver was restarted and does not get through'}
    : {says: 'noticing', because: 'its receiver is connecting'};
}

function sentence(it: Instance | undefined, source: InstanceKey, views: readonly ReplicaView[]): string {
  const own =
    !it || it.check.valid ? 'answers' : it.check.errno ? `answers with error ${it.check.errno}` : `does not answer (${it.check.reach})`;
  const theirs = views.map((view) => `${keyText(view.key)} ${view.says}: ${view.because}`);
  return [`${keyText(source)} ${own}`, ...theirs].join('; ');
}
