import type {Config} from '../../config/keys.ts';
import {messageOf} from '../../errors/errors.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Directory, Publication, Withdrawal} from '../directory.ts';
import {asDirectoryError, directoryError} from '../failure.ts';
import {keysOf, pairsOf, type Pair} from '../pairs.ts';
import {Session, ZOOKEEPER, type Address, type Change, type Node, type Verdict} from './session.ts';

/** What somebody else did between our look and our transaction; looking again finds it. */
const RACES: readonly Verdict[] = ['no-node', 'bad-version', 'node-exists'];
const TRIES = 3;
/** The address of one that does not answer is left for the next one's after this. */
const ANSWERS_WITHIN = 700;
const DEFAULT_PORT = 2181;

type Nodes = readonly (Node | null)[];

/** Sources in ZooKeeper: all nodes of a cluster change in one transaction. Parents are made where they are missing. */
export class ZooKeeperDirectory implements Directory {
  readonly name = ZOOKEEPER;
  readonly #addresses: readonly Address[];
  readonly #prefix: string;

  constructor({ZkAddress, KVClusterMasterPrefix}: Pick<Config, 'ZkAddress' | 'KVClusterMasterPrefix'>) {
    this.#addresses = addressesOf(ZkAddress);
    this.#prefix = KVClusterMasterPrefix.replace(/^\/*/, '/');
  }

  withdraw({cluster, demoted}: Withdrawal, signal: AbortSignal): Promise<string> {
    const paths = keysOf(this.#prefix, cluster);
    return this.#within(signal, async (session) => {
      for (let left = TRIES; left > 0; left--) {
        const nodes = await readAll(session, paths);
        if (nodes[0]?.value !== keyText(demoted)) return `${paths[0] ?? ''} did not name it`;
        const verdict = await session.transact(deletions(paths, nodes));
        if (verdict === 'ok') return `removed ${paths[0] ?? ''}`;
        // Somebody keeps something of their own below it.
        if (verdict === 'not-empty' && (await session.transact(emptied(paths, nodes))) === 'ok') return `emptied ${paths[0] ?? ''}`;
      }
      return `${paths[0] ?? ''} was changed by somebody else`;
    });
  }

  publish(publication: Publication, signal: AbortSignal): Promise<string> {
    const pairs = pairsOf(this.#prefix, publication);
    return this.#within(signal, async (session) => {
      await makeParents(session, pairs[0]?.key ?? '');
      let verdict: Verdict = 'ok';
      for (let left = TRIES; left > 0; left--) {
        const nodes = await readAll(session, keysIn(pairs));
        verdict = await session.transact(writes(pairs, nodes));
        if (!RACES.includes(verdict)) break;
      }
      if (verdict === 'ok') return `wrote ${pairs[0]?.key ?? ''}`;
      throw directoryError(ZOOKEEPER, `could not write ${pairs[0]?.key ?? ''}: ${verdict}`);
    });
  }

  repair(publication: Publication, mayWrite: () => Promise<boolean>, signal: AbortSignal): Promise<string | null> {
    const pairs = pairsOf(this.#prefix, publication);
    return this.#within(signal, async (session) => {
      const nodes = await readAll(session, keysIn(pairs));
      const wrong = pairs.filter(({value}, at) => nodes[at]?.value !== value);
      if (wrong.length === 0 || !(await mayWrite())) return null;
      await makeParents(session, pairs[0]?.key ?? '');
      return (await session.transact(writes(pairs, nodes))) === 'ok' ? `wrote ${keysIn(wrong).join(', ')}` : null;
    });
  }

  async #within<Result>(signal: AbortSignal, work: (session: Session) => Promise<Result>): Promise<Result> {
    const session = await this.#open(signal);
    const end = (): void => session.close();
    try {
      return await Promise.race([work(session), whenAborted(signal)]);
    } catch (error) {
      throw asDirectoryError(ZOOKEEPER, error, signal);
    } finally {
      end();
    }
  }

  /** With the first server that answers. */
  async #open(signal: AbortSignal): Promise<Session> {
    const problems: string[] = [];
    for (const address of this.#addresses) {
      try {
        return await Session.open(address, AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN)]));
      } catch (error) {
        problems.push(`${keyText(address)}: ${messageOf(error)}`);
        if (signal.aborted) break;
      }
    }
    throw directoryError(ZOOKEEPER, `does not answer (${problems.join('; ')})`);
  }
}

/** `host`, `host:port`, separated by commas. */
export function addressesOf(text: string): readonly Address[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter(Boolean).map((part) => {
    const [, host = part, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(part) ?? [];
    return {host, port: port === undefined ? DEFAULT_PORT : Number(port)};
  });
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = (): void => reject(directoryError(ZOOKEEPER, 'did not answer in time'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, {once: true});
  });
}

async function readAll(session: Session, paths: readonly string[]): Promise<Nodes> {
  const nodes: (Node | null)[] = [];
  for (const path of paths) nodes.push(await session.read(path));
  return nodes;
}

async function makeParents(session: Session, path: string): Promise<void> {
  const parts = path.split('/').filter(Boolean).slice(0, -1);
  for (const at of parts.keys()) await session.create(`/${parts.slice(0, at + 1).join('/')}`);
}

function keysIn(pairs: readonly Pair[]): readonly string[] {
  return pairs.map(({key}) => key);
}

function writes(pairs: readonly Pair[], nodes: Nodes): readonly Change[] {
  return pairs.map(({key: path, value}, at): Change => {
    const node = nodes[at];
    return node ? {do: 'write', path, value, version: node.version} : {do: 'create', path, value};
  });
}

/** Children first: a node with children cannot be removed. */
function deletions(paths: readonly string[], nodes: Nodes): readonly Change[] {
  const all = paths.flatMap((path, at): Change[] => {
    const node = nodes[at];
    return node ? [{do: 'delete', path, version: node.version}] : [];
  });
  return all.reverse();
}

function emptied(paths: readonly string[], nodes: Nodes): readonly Change[] {
  const [path = ''] = paths;
  return [...deletions(paths, nodes).filter((one) => one.path !== path), {do: 'write', path, value: '', version: nodes[0]?.version ?? 0}];
}
