import {readFileSync} from 'node:fs';

/** The names to ask name servers for: a name without a dot is tried in each of the domains first. */
export function candidates(host: string, search: readonly string[]): readonly string[] {
  return host.includes('.') ? [host] : [...search.map((domain) => `${host}.${domain}`), host];
}

/** The domains this system searches. */
export function searchDomains(): readonly string[] {
  try {
    return parseSearchDomains(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The domains of the last `search` or `domain` line, as resolv.conf(5) says. */
export function parseSearchDomains(text: string): readonly string[] {
  const lines = [...text.matchAll(/^\s*(?:search|domain)\s+(.+)$/gm)];
  return (lines.at(-1)?.[1] ?? '').split(/\s+/).filter((domain) => domain !== '' && domain !== '.');
}
