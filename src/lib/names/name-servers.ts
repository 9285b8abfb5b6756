import {Resolver} from 'node:dns/promises';
import {readFile} from 'node:fs/promises';
import {isIPv6} from 'node:net';
import {messageOf} from '../errors/errors.ts';
import type {Milliseconds} from '../model/units.ts';
import {candidates, searchDomains} from './search-domains.ts';

/** One address of a host. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface NameServersOptions {
  /** How long one question to a name server may take, retries included. */
  readonly timeout?: Milliseconds;
  /** `address` or `address:port`; those of the system when absent. */
  readonly servers?: readonly string[];
  /** Domains tried for a name without a dot; those of the system when absent. */
  readonly search?: readonly string[];
}

const TRIES = 2;
const HOSTS = '/etc/hosts';
/** Said by a name server: there is no such name, or no address of that kind. */
const NONE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/** Questions to name servers that end in time, retries included. */
export function boundedResolver({timeout = 2000, servers}: NameServersOptions): Resolver {
  const resolver = new Resolver({timeout: Math.max(1, Math.floor(timeout / TRIES)), tries: TRIES, maxTimeout: timeout});
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}

/**
 * Addresses by /etc/hosts, else by the name servers, without a thread of this process. The system's own function knows more sources of
 * names, but holds one of two threads while a name server is silent: two dead names keep all others waiting, also those in /etc/hosts.
 *
 * @returns a function that answers none where all who were asked know no address, and rejects where a name server gave no answer
 */
export function nameServers(options: NameServersOptions = {}): (host: string) => Promise<readonly Address[]> {
  return async (host) => {
    const listed = addressesIn(await hostsFile(), host);
    if (listed.length > 0) return listed;
    const resolver = boundedResolver(options); // a new one each time: it reads resolv.conf(5), which may have changed
    for (const name of candidates(host, options.search ?? searchDomains())) {
      const found = await askFor(resolver, name);
      if (found.length > 0) return found;
    }
    return [];
  };
}

async function askFor(resolver: Resolver, name: string): Promise<readonly Address[]> {
  const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found: Address[] = [];
  if (four.status === 'fulfilled') found.push(...four.value.map((address) => ({address, family: 4}) as const));
  if (six.status === 'fulfilled') found.push(...six.value.map((address) => ({address, family: 6}) as const));
  if (found.length > 0) return found;
  for (const answer of [four, six]) if (answer.status === 'rejected' && !NONE.has(codeOf(answer.reason))) throw answer.reason;
  return [];
}

async function hostsFile(): Promise<string> {
  try {
    return await readFile(HOSTS, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Addresses that hosts(5) lists for a name, in any letter case; addresses bound to an interface (`fe80::1%eth0`) are left out. */
export function addressesIn(hosts: string, name: string): readonly Address[] {
  const wanted = name.toLowerCase();
  return hosts.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/);
    if (!names.includes(wanted) || address.includes('%')) return [];
    return [{address, family: isIPv6(address) ? 6 : 4} as const];
  });
}

/** The code of an error of the system or of a name server; its message where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
}
