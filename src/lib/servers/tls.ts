import {readFile} from 'node:fs/promises';
import {isIP} from 'node:net';
import type {Config} from '../config/keys.ts';
import {OrchestratorError, messageOf} from '../errors/errors.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';

/** Options of one TLS connection, as the driver takes them. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
  readonly verifyIdentity: boolean;
}

/** Answered by servers that want TLS: 3159 always, 1045 for an account that requires it. */
export const WANTS_TLS: ReadonlySet<number> = new Set([3159, 1045]);

/** Which servers are spoken to with TLS, and how. */
export class TlsPolicy {
  readonly #config: Config;
  readonly #neededUntil = new Map<string, Milliseconds>();
  #options: Promise<Omit<TlsOptions, 'verifyIdentity'>> | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  /** Whether to begin with TLS: always under MySQLTopologyUseMutualTLS, else where it was needed before. */
  begins(key: InstanceKey): boolean {
    return this.#config.MySQLTopologyUseMutualTLS || (this.#neededUntil.get(keyText(key)) ?? 0) > performance.now();
  }

  /** Whether to try again with TLS after the server said this number. */
  mayHelp(errno: number): boolean {
    return this.#config.MySQLTopologyUseMixedTLS && WANTS_TLS.has(errno);
  }

  /** It was let in with TLS only; kept for TLSCacheTTLFactor * InstancePollSeconds. */
  remember(key: InstanceKey): void {
    const lasting = this.#config.TLSCacheTTLFactor * this.#config.InstancePollSeconds * 1000;
    this.#neededUntil.set(keyText(key), performance.now() + lasting);
  }

  /** Files are read once. @throws OrchestratorError CONFIG_UNREADABLE naming the file */
  async options(key: InstanceKey): Promise<TlsOptions> {
    this.#options ??= this.#read();
    const options = await this.#options;
    // The driver compares certificates with host names only; for an address the chain alone is checked.
    return {...options, verifyIdentity: options.rejectUnauthorized && isIP(key.host) === 0};
  }

  async #read(): Promise<Omit<TlsOptions, 'verifyIdentity'>> {
    const {MySQLTopologySSLCAFile: ca, MySQLTopologySSLCertFile: cert, MySQLTopologySSLPrivateKeyFile: key} = this.#config;
    const verify = !this.#config.MySQLTopologySSLSkipVerify;
    return {
      ...(ca === '' ? {} : {ca: await pem('MySQLTopologySSLCAFile', ca)}),
      // Under SkipVerify 3.2.6 presents no client certificate.
      ...(verify && cert !== '' ? {cert: await pem('MySQLTopologySSLCertFile', cert)} : {}),
      ...(verify && key !== '' ? {key: await pem('MySQLTopologySSLPrivateKeyFile', key)} : {}),
      rejectUnauthorized: verify,
    };
  }
}

async function pem(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new OrchestratorError('CONFIG_UNREADABLE', `${setting} names ${path}, which cannot be read: ${messageOf(error)}`, {cause: error});
  }
}
