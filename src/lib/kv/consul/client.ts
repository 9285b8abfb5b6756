import {readFileSync} from 'node:fs';
import {request as httpRequest} from 'node:http';
import {request as httpsRequest} from 'node:https';
import type {Config} from '../../config/keys.ts';
import {asDirectoryError, directoryError} from '../failure.ts';

export const CONSUL = 'Consul';

/** A key as Consul keeps it. `index` changes with every change of it. */
export interface Stored {
  readonly value: string;
  readonly index: number;
}

/** One act of a transaction. `cas` and `delete-cas` fail, and with them the whole of it, unless the key still has that index; 0: is not there. */
export type Act =
  | {readonly verb: 'set'; readonly key: string; readonly value: string}
  | {readonly verb: 'cas'; readonly key: string; readonly value: string; readonly index: number}
  | {readonly verb: 'delete-cas'; readonly key: string; readonly index: number};

export interface Asking {
  readonly signal: AbortSignal;
  /** Another datacenter than that of the agent. */
  readonly datacenter?: string;
}

type Settings = Pick<Config, 'ConsulAddress' | 'ConsulScheme' | 'ConsulAclToken' | 'ConsulCAFile'>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Consul's HTTP interface, as far as sources need it. Keys never begin with a slash there. */
export class Consul {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Every key that begins so; names are compared by the caller, for `shop` also finds `shop2`. */
  async list(prefix: string, asking: Asking): Promise<ReadonlyMap<string, Stored>> {
    const answer = await this.#ask('GET', `kv/${prefix.split('/').map(encodeURIComponent).join('/')}`, {...asking, recurse: true});
    if (answer.status === 404) return new Map();
    const entries = this.#read<readonly {Key: string; Value: string | null; ModifyIndex: number}[]>(answer);
    return new Map(entries.map(({Key, Value, ModifyIndex}) => [Key, {value: decoded(Value), index: ModifyIndex}]));
  }

  /** All acts or none. @returns false when one of them did not find what it was to find */
  async transact(acts: readonly Act[], asking: Asking): Promise<boolean> {
    const body = acts.map(({verb, key, ...more}) => ({
      KV: {
        Verb: verb,
        Key: key,
        ...('value' in more ? {Value: Buffer.from(more.value).toString('base64')} : {}),
        ...('index' in more ? {Index: more.index} : {}),
      },
    }));
    const answer = await this.#ask('PUT', 'txn', {...asking, body: JSON.stringify(body)});
    if (answer.status === 409) return false;
    this.#read(answer);
    return true;
  }

  /** Of all datacenters that the agent's one is joined with, that one included. */
  async datacenters(asking: Asking): Promise<readonly string[]> {
    return this.#read<readonly string[]>(await this.#ask('GET', 'catalog/datacenters', asking));
  }

  #read<Body>({status, body}: Answer): Body {
    if (status === 200) return JSON.parse(body) as Body;
    throw directoryError(CONSUL, `answered ${status}: ${body.trim().slice(0, 200)}`);
  }

  async #ask(method: string, path: string, {signal, ...asking}: Asking & {recurse?: true; body?: string}): Promise<Answer> {
    const {ConsulAddress, ConsulScheme, ConsulAclToken, ConsulCAFile} = this.#settings;
    const url = new URL(`${ConsulScheme.toLowerCase()}://${ConsulAddress.replace(/^\w+:\/\//, '')}/v1/${path}`);
    if (asking.recurse) url.searchParams.set('recurse', '');
    if (asking.datacenter !== undefined) url.searchParams.set('dc', asking.datacenter);
    try {
      return await exchange(url, {
        method,
        signal,
        headers: ConsulAclToken === '' ? {} : {'X-Consul-Token': ConsulAclToken},
        body: asking.body ?? null,
        // As 3.2.6: without an authority to check it against, any certificate is good enough.
        tls: ConsulCAFile === '' ? {rejectUnauthorized: false} : {ca: readFileSync(ConsulCAFile)},
      });
    } catch (error) {
      throw asDirectoryError(CONSUL, error, signal);
    }
  }
}

interface Exchange {
  readonly method: string;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly tls: {readonly rejectUnauthorized?: boolean; readonly ca?: Buffer};
}

/** One request over a connection of its own. The built-in `fetch` cannot be told which certificates to accept. */
function exchange(url: URL, {method, signal, headers, body, tls}: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {method, signal, headers, agent: false as const};
    const asked = url.protocol === 'https:' ? httpsRequest(url, {...options, ...tls}) : httpRequest(url, options);
    asked.once('error', reject);
    asked.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.once('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve({status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8')}));
    });
    asked.end(body ?? undefined);
  });
}

function decoded(value: string | null): string {
  return Buffer.from(value ?? '', 'base64').toString('utf8');
}
