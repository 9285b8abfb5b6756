import {lookup, type Resolver} from 'node:dns/promises';
import {isIP, isIPv6} from 'node:net';
import {OrchestratorError} from '../errors/errors.ts';
import type {Milliseconds} from '../model/units.ts';
import {boundedResolver, codeOf, nameServers, type NameServersOptions} from './name-servers.ts';
import {candidates, searchDomains} from './search-domains.ts';

/** Addresses of a host; '' where it has none of a kind. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Asks for names, each within a bounded time. Rejects with OrchestratorError NOT_FOUND, which names the host. */
export interface Dns {
  /** The name a name stands for in the end, without the dot at its end; the name itself where it stands for no other. */
  canonicalName(host: string): Promise<string>;
  addresses(host: string): Promise<Addresses>;
}

/** A chain of aliases longer than this is a loop. */
const LONGEST_CHAIN = 8;

/**
 * Asks the name servers for aliases; for addresses /etc/hosts, the name servers, and the system where those know none: it is not asked
 * while name servers are silent, since it would keep one of the two threads there are for that.
 */
export function systemDns(options: NameServersOptions = {}): Dns {
  const {timeout = 2000, search} = options;
  const resolver = boundedResolver(options);
  const directly = nameServers(options);
  const ask = async (host: string): Promise<readonly {readonly address: string; readonly family: number}[]> => {
    const found = isIP(host) === 0 ? await directly(host) : [];
    return found.length > 0 ? found : lookup(host, {all: true, order: 'verbatim'});
  };
  const addresses = async (host: string): Promise<Addresses> => {
    const found = await within(timeout, host, ask(host));
    const first = (family: number): string => found.find((one) => one.family === family)?.address ?? '';
    return {ipv4: first(4), ipv6: first(6)};
  };
  return {
    addresses,
    async canonicalName(host) {
      if (isIP(host) !== 0) return host;
      for (const name of candidates(host, search ?? searchDomains())) {
        const found = await within(timeout, host, followAliases(resolver, name));
        if (found !== null) return found;
      }
      await addresses(host); // a host that only /etc/hosts knows has no alias; one that nobody knows is an error
      return host;
    },
  };
}

/** @returns null when nobody knows the name */
async function followAliases(resolver: Resolver, name: string): Promise<string | null> {
  let known: string | null = null;
  for (let at = name, steps = 0; steps <= LONGEST_CHAIN; steps++) {
    const next = await aliasOf(resolver, at);
    if (next === null) return known;
    if (next === '') return at;
    known = at = next.replace(/\.$/, '');
  }
  throw notFound(name, 'its aliases go round in circles');
}

/** @returns the alias, '' for a name that is none, null for a name that does not exist */
async function aliasOf(resolver: Resolver, name: string): Promise<string | null> {
  try {
    return (await resolver.resolveCname(name))[0] ?? '';
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENODATA') return '';
    if (code === 'ENOTFOUND') return null;
    throw notFound(name, code);
  }
}

async function within<Answer>(timeout: Milliseconds, host: string, answer: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(notFound(host, `no answer within ${timeout / 1000} s`)), timeout);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    throw error instanceof OrchestratorError ? error : notFound(host, codeOf(error));
  } finally {
    clearTimeout(timer);
  }
}

function notFound(host: string, why: string): OrchestratorError {
  return new OrchestratorError('NOT_FOUND', `host ${host} cannot be resolved: ${why}`, {
    hint: 'check the name, and the name servers of this machine',
  });
}

/** An IPv6 address in its one canonical spelling, without brackets; any other host as it is. */
export function spelled(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  // Asked in this order: the pattern behind isIPv6 takes milliseconds to compile, in every command.
  if (!bare.includes(':') || bare.includes('%') || !isIPv6(bare)) return bare;
  return new URL(`http://[${bare}]`).hostname.slice(1, -1);
}
