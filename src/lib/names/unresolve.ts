import {OrchestratorError} from '../errors/errors.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';

export interface UnresolveOptions {
  /** The virtual name registered for a host (`hostname_unresolve`); null when there is none. */
  readonly registered: (host: string) => Promise<string | null>;
  /**
   * Connects to the virtual name: what the server there is called, and whether it is a binlog server. Null: the instance itself cannot be
   * reached to compare. Rejects when nobody can be reached by the virtual name.
   */
  readonly whoIs: (
    virtual: InstanceKey,
    itself: InstanceKey,
  ) => Promise<{readonly key: InstanceKey; readonly isBinlogServer: boolean} | null>;
  /** `--skip-unresolve`. */
  readonly skip?: boolean;
  /** `--skip-unresolve-check`: where the virtual name leads elsewhere, use the name itself instead of refusing. */
  readonly skipCheck?: boolean;
  /** SkipBinlogServerUnresolveCheck. */
  readonly trustBinlogServers: boolean;
}

/**
 * The name to write into a replica's settings for its source: the virtual name where one is registered and leads back to the
 * same instance, else the name itself.
 *
 * @throws OrchestratorError REFUSED when the virtual name leads to another instance; what `whoIs` rejects with
 */
export async function unresolve(key: InstanceKey, options: UnresolveOptions): Promise<InstanceKey> {
  if (options.skip === true) return key;
  const host = (await options.registered(key.host)) ?? '';
  if (host === '' || host === key.host) return key;
  const virtual = {host, port: key.port};
  const there = await options.whoIs(virtual, key);
  if (there === null) return key;
  if (sameKey(there.key, key) || (there.isBinlogServer && options.trustBinlogServers)) return virtual;
  if (options.skipCheck === true) return key;
  throw new OrchestratorError('REFUSED', `${keyText(virtual)}, the virtual name of ${keyText(key)}, leads to ${keyText(there.key)}`, {
    hint: 'register the right virtual name, or use --skip-unresolve-check to go by the name itself',
  });
}
