import type {Config} from './lib/config/keys.ts';
import type {Log} from './lib/coordination/keep-renewing.ts';
import {systemDns} from './lib/names/dns.ts';
import {HostNames} from './lib/names/host-names.ts';
import type {Backend} from './lib/store/backend.ts';
import {readResolve, readResolves, writeAddresses, writeResolve} from './lib/store/hostname.ts';

export interface NamesOf {
  readonly config: Config;
  readonly backend: Backend;
  readonly log: Log;
}

/** Host names as this configuration resolves them, through the memory kept in the backend. */
export function hostNames({config, backend, log}: NamesOf): HostNames {
  return new HostNames({
    config,
    dns: systemDns(),
    memory: {
      resolved: (host) => readResolve(backend, host),
      allResolved: () => readResolves(backend),
      saveResolved: (host, resolved) => writeResolve(backend, host, resolved),
      saveAddresses: (host, addresses) => writeAddresses(backend, host, addresses),
    },
    onProblem: (sentence) => log('warn', sentence),
  });
}
