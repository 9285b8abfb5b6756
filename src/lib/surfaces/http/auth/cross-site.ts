import type {IncomingHttpHeaders} from 'node:http';

/**
 * Whether a browser sends this for somebody else: from a page of another site, for a link in a mail, or because it loads ahead. Programs
 * say nothing of the kind. What is to be changed by a page has to come from a page of ours.
 *
 * @param hosts names this service was asked under
 */
export function isFromElsewhere(headers: IncomingHttpHeaders, hosts: readonly string[]): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin';
  const {origin} = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || !hosts.includes(new URL(origin).host);
}
