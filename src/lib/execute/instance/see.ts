import {parseBinlogs} from '../../flavor/commands/common.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import {errantAgainst} from '../../model/cluster-facts.ts';
import {DETACHED_PREFIX, isUsableKey, keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import type {InstanceWish, Seen} from '../../plan/instance/wish.ts';
import type {Bench} from '../by-hand.ts';

/** Chains longer than this are rings that names go round in. */
const HIGHEST = 16;

type Sights = 'above' | 'replicas' | 'binlogs';

/** What a decision rests on, beside the instance itself. */
const NEEDED: Readonly<Partial<Record<InstanceWish['do'], readonly Sights[]>>> = {
  'enable-gtid': ['above'],
  'gtid-errant-reset': ['above', 'replicas'],
  'gtid-errant-inject-empty': ['above'],
  'purge-binary-logs': ['replicas', 'binlogs'],
};

/**
 * Probes an instance, now.
 *
 * @throws OrchestratorError SERVER_UNREACHABLE, SERVER_TIMEOUT, SERVER_ACCESS_DENIED
 */
export async function seeInstance({prober}: Bench, key: InstanceKey): Promise<Instance> {
  const found = await prober.probe(key);
  if (!found?.check.valid) throw prober.failureOf(key);
  return found;
}

/** Probes an instance and what a decision about it needs beside it. Throws as `seeInstance`. */
export async function see(
  bench: Bench,
  asked: {readonly instance: InstanceKey; readonly wish: InstanceWish; readonly force: boolean; readonly useSuperReadOnly: boolean},
): Promise<Seen> {
  const instance = await seeInstance(bench, asked.instance);
  const needed = NEEDED[asked.wish.do] ?? [];
  const above = needed.includes('above') ? await seeAbove(bench, instance) : [];
  return {
    instance,
    above,
    replicas: needed.includes('replicas') ? await seeReplicas(bench, instance) : [],
    errant: errantOf(instance, above),
    binlogs: needed.includes('binlogs') && instance.binlog.enabled ? await binlogsOf(bench, instance) : [],
    useSuperReadOnly: asked.useSuperReadOnly,
    force: asked.force,
  };
}

/** Transactions it has and its source has not; null when its source could not be read. */
export function errantOf(instance: Instance, [source, ...above]: readonly Instance[]): string | null {
  if (!instance.replication?.source) return instance.replication ? null : '';
  return source ? errantAgainst(instance, source, above) : null;
}

/** Its source, the source of that, and so on, each read after the one below it, so that it has what that one got from it. */
export async function seeAbove({prober}: Bench, instance: Instance): Promise<readonly Instance[]> {
  const chain: Instance[] = [];
  for (let key = instance.replication?.source; key && chain.length < HIGHEST;) {
    const next = await prober.probe(key);
    if (!next?.check.valid || [instance, ...chain].some((one) => sameKey(one.key, next.key))) break;
    chain.push(next);
    key = next.replication?.source;
  }
  return chain;
}

async function seeReplicas({prober}: Bench, instance: Instance): Promise<Seen['replicas']> {
  const known = prober.model
    .topology()
    .instances.filter(
      ({replication}) => replication && (sameKey(replication.source, instance.key) || isDetachedFrom(instance, replication)),
    )
    .map(({key}) => key);
  const keys = new Map([...instance.replicas.filter(isUsableKey), ...known].map((key) => [keyText(key), key]));
  return Promise.all(
    [...keys.values()].map(async (key) => {
      const found = await prober.probe(key);
      return {key, instance: found?.check.valid ? found : null};
    }),
  );
}

function isDetachedFrom(instance: Instance, {sourceHostAsWritten}: {readonly sourceHostAsWritten: string}): boolean {
  return sourceHostAsWritten === `${DETACHED_PREFIX}${instance.key.host}`;
}

async function binlogsOf({servers}: Bench, instance: Instance): Promise<readonly string[]> {
  const session = await servers.connect(instance.key);
  try {
    return parseBinlogs(await session.query(flavorOf(instance).commands.showBinlogs));
  } finally {
    session.destroy();
  }
}
