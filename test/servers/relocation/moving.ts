import {expect} from 'vitest';
import {replicaStatus, type Instance, type Sandbox} from '../../sandbox/index.ts';
import {idsOn, site, type BackendHost, type Site} from '../support/index.ts';

export const nameOf = ({key}: Pick<Instance, 'key'>): string => `${key.host}:${key.port}`;

/** An installation without a service whose backend knows all these servers. */
export async function bench(
  host: BackendHost,
  servers: readonly Instance[],
  settings: Parameters<typeof site>[0]['settings'] = {},
): Promise<Site> {
  const at = await site({backend: host, servers, settings});
  expect(await at.run('discover', '-i', servers.map(nameOf).join(','))).toMatchObject({status: 0});
  return at;
}

/** Whom each server replicates from, with both threads running; `-` when it does not. */
export async function following(servers: Readonly<Record<string, Instance>>): Promise<Readonly<Record<string, string>>> {
  const names = new Map(Object.entries(servers).map(([name, {key}]) => [key.port, name]));
  const entries = await Promise.all(
    Object.entries(servers).map(async ([name, server]) => {
      const [status] = await replicaStatus(server);
      if (!status) return [name, '-'] as const;
      const runs = status.receiver.running === 'Yes' && status.applier.running === 'Yes';
      return [name, `${names.get(status.source.port) ?? status.source.port}${runs ? '' : ' (stopped)'}`] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** Waits until all have the rows of the first, each of them. */
export async function sameRows(box: Sandbox, [source, ...replicas]: readonly Instance[]): Promise<void> {
  await box.waitFor('all have the same rows', async () => {
    const wanted = source ? await idsOn(source) : [];
    const found = await Promise.all(replicas.map(idsOn));
    const lacking = found.map((ids) => wanted.length - ids.length);
    if (wanted.length > 0 && found.every((ids) => ids.join() === wanted.join())) return true;
    throw new Error(`${wanted.length} rows, lacking: ${lacking.join(', ')}`);
  });
}
