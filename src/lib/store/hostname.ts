import type {Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const fitResolve = fitter('hostname_resolve');
const fitUnresolve = fitter('hostname_unresolve');
const fitIps = fitter('hostname_ips');

export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Keeps what a host name resolves to; where it is another name, also which name that one came from last. */
export async function writeResolve(backend: Backend, host: string, resolved: string): Promise<void> {
  const row = fitResolve({hostname: host, resolved_hostname: resolved});
  await backend.transaction(async ({db, dialect}) => {
    const at = {resolved_timestamp: dialect.now()};
    await db('hostname_resolve')
      .insert({...row, ...at})
      .onConflict('hostname')
      .merge();
    if (host !== resolved)
      await db('hostname_resolve_history')
        .insert({...row, ...at})
        .onConflict('resolved_hostname')
        .merge();
  });
}

/** All host names resolved before: name → what it resolves to. */
export async function readResolves(backend: Backend): Promise<ReadonlyMap<string, string>> {
  const rows: readonly {hostname: string; resolved_hostname: string}[] = await backend.run(({db}) =>
    db('hostname_resolve').select('hostname', 'resolved_hostname'),
  );
  return new Map(rows.map((row) => [row.hostname, row.resolved_hostname]));
}

/** null when it was never resolved */
export async function readResolve(backend: Backend, host: string): Promise<string | null> {
  const row: {resolved_hostname: string} | undefined = await backend.run(({db}) =>
    db('hostname_resolve').where({hostname: host}).first('resolved_hostname'),
  );
  return row?.resolved_hostname ?? null;
}

/** The name to use for a host when somebody is pointed at it; has to be said again within ExpiryHostnameResolvesMinutes. */
export async function writeUnresolve(backend: Backend, host: string, virtual: string): Promise<void> {
  const row = fitUnresolve({hostname: host, unresolved_hostname: virtual});
  await backend.transaction(async ({db, dialect}) => {
    const at = {last_registered: dialect.now()};
    await db('hostname_unresolve')
      .insert({...row, ...at})
      .onConflict('hostname')
      .merge();
    await db('hostname_unresolve_history')
      .insert({...row, ...at})
      .onConflict('unresolved_hostname')
      .merge();
  });
}

/** Forgets what every host name resolves to. */
export async function forgetResolves(backend: Backend): Promise<void> {
  await backend.run(({db}) => db('hostname_resolve').delete());
}

/** null when there is none */
export async function readUnresolve(backend: Backend, host: string): Promise<string | null> {
  const row: {unresolved_hostname: string} | undefined = await backend.run(({db}) =>
    db('hostname_unresolve').where({hostname: host}).first('unresolved_hostname'),
  );
  return row?.unresolved_hostname ?? null;
}

/** @returns false when there was none */
export async function forgetUnresolve(backend: Backend, host: string): Promise<boolean> {
  return (await backend.run(({db}) => db('hostname_unresolve').where({hostname: host}).delete())) > 0;
}

export async function writeAddresses(backend: Backend, host: string, {ipv4, ipv6}: Addresses): Promise<void> {
  const row = fitIps({hostname: host, ipv4, ipv6});
  await backend.run(({db, dialect}) =>
    db('hostname_ips')
      .insert({...row, last_updated: dialect.now()})
      .onConflict('hostname')
      .merge(),
  );
}

/** Hosts of instances that answered when they were last asked. */
export async function hostsThatAnswer(backend: Backend): Promise<readonly string[]> {
  return backend.run(({db}): PromiseLike<string[]> =>
    db('database_instance').whereRaw('last_checked <= last_seen').distinct().orderBy('hostname').pluck('hostname'),
  );
}

/** null when they were never looked up */
export async function readAddresses(backend: Backend, host: string): Promise<Addresses | null> {
  const row: Addresses | undefined = await backend.run(({db}) => db('hostname_ips').where({hostname: host}).first('ipv4', 'ipv6'));
  return row === undefined ? null : {ipv4: row.ipv4, ipv6: row.ipv6};
}

/** Removes resolves that are too old, and of two names that resolve to each other the older one. */
export async function expireResolves(backend: Backend, lasting: Seconds): Promise<number> {
  const old = await backend.run(({db, dialect}) => db('hostname_resolve').where('resolved_timestamp', '<', dialect.ago(lasting)).delete());
  const reversed: readonly {hostname: string}[] = await backend.run(({db}) =>
    db('hostname_resolve as early')
      .join('hostname_resolve as latest', (join) =>
        join.on('early.resolved_hostname', 'latest.hostname').andOn('early.hostname', 'latest.resolved_hostname'),
      )
      .whereRaw('early.hostname <> latest.hostname and early.resolved_timestamp < latest.resolved_timestamp')
      .select('early.hostname'),
  );
  const names = reversed.map((row) => row.hostname);
  return old + (names.length === 0 ? 0 : await backend.run(({db}) => db('hostname_resolve').whereIn('hostname', names).delete()));
}

export async function expireUnresolves(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db('hostname_unresolve').where('last_registered', '<', dialect.ago(lasting)).delete());
}
