import {isIPv6} from 'node:net';
import {OrchestratorError} from '../errors/errors.ts';

/** Where a server listens: how orchestrator names it everywhere. Host is as resolved; an IPv6 address carries no brackets. */
export interface InstanceKey {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address in brackets, so that what is printed can be typed in again. */
export function keyText(key: InstanceKey): string {
  return key.host.includes(':') ? `[${key.host}]:${key.port}` : `${key.host}:${key.port}`;
}

export function sameKey(a: InstanceKey | null | undefined, b: InstanceKey | null | undefined): boolean {
  return !!a && !!b && a.host === b.host && a.port === b.port;
}

/** By host, then by port: the order of every list of instances. */
export function compareKeys(a: InstanceKey, b: InstanceKey): number {
  return a.host < b.host ? -1 : a.host > b.host ? 1 : a.port - b.port;
}

/** A source host written as `//host` was detached on purpose: it names no reachable server. */
export const DETACHED_PREFIX = '//';

/** Whether a key names a server one could connect to. */
export function isUsableKey(key: InstanceKey): boolean {
  return key.host !== '' && key.host !== '_' && !key.host.startsWith(DETACHED_PREFIX) && key.port > 0 && key.port <= 65535;
}

/**
 * Reads `host`, `host:port`, `[ipv6]:port`, `[ipv6]` or a bare IPv6 address.
 *
 * @param defaultPort what a missing port means (`DefaultInstancePort`)
 * @throws OrchestratorError INPUT_INVALID naming the text and what was expected
 */
export function parseInstanceKey(text: string, defaultPort: number): InstanceKey {
  const {host = '', portText} = partsOf(text.trim());
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === '' || port < 1 || port > 65535) {
    throw new OrchestratorError('INPUT_INVALID', `${JSON.stringify(text)} is not an instance`, {
      hint: 'give host, host:port or [ipv6]:port, with a port from 1 to 65535',
    });
  }
  return {host, port};
}

function partsOf(text: string): {host?: string | undefined; portText?: string | undefined} {
  if (isIPv6(text)) return {host: text};
  const [, address = '', portOfAddress] = /^\[(.+)\](?::(\d+))?$/.exec(text) ?? [];
  if (isIPv6(address)) return {host: address, portText: portOfAddress};
  const [, host, portText] = /^((?:\/\/)?[\w.-]+)(?::(\d+))?$/.exec(text) ?? [];
  return {host, portText};
}
