import {afterEach} from 'vitest';
import type {Config} from '../../../src/lib/config/keys.ts';
import {defaultDraft} from '../../../src/lib/config/draft.ts';
import type {InstanceKey} from '../../../src/lib/model/instance-key.ts';
import {createServers} from '../../../src/lib/servers/create-servers.ts';
import {classifyFailure} from '../../../src/lib/servers/failure.ts';
import type {Servers, Session, Unreachable} from '../../../src/lib/servers/servers.ts';
import {createProber, type Found, type NotFound, type Prober} from '../../../src/lib/probe/probe.ts';

/** The defaults, and the account of sandbox servers. Servers are called as they were asked: on loopback all have one hostname. */
export function configOf(more: Partial<Config> = {}): Config {
  return {...defaultDraft().values, MySQLTopologyUser: 'orc', MySQLTopologyPassword: 'orcpw', MySQLHostnameResolveMethod: 'none', ...more};
}

export interface Probing {
  readonly config: Config;
  readonly servers: Servers;
  readonly prober: Prober;
  /** Keys of lost persistent connections, in the order of the events. */
  readonly lost: readonly InstanceKey[];
  found(key: InstanceKey): Promise<Found>;
  notFound(key: InstanceKey): Promise<NotFound>;
}

const open: Servers[] = [];

/** Connections and probes under this configuration; all are closed after the test. */
export function probing(more: Partial<Config> = {}): Probing {
  const config = configOf(more);
  const servers = createServers(config);
  open.push(servers);
  const lost: InstanceKey[] = [];
  servers.onLost((key) => lost.push(key));
  const prober = createProber({servers, config});
  return {
    config,
    servers,
    prober,
    lost,
    async found(key) {
      const outcome = await prober.probe(key);
      if (!outcome.ok) throw new Error(`not found: ${JSON.stringify(outcome.unreachable)}`);
      return outcome;
    },
    async notFound(key) {
      const outcome = await prober.probe(key);
      if (outcome.ok) throw new Error(`found: ${JSON.stringify(outcome.reading)}`);
      return outcome;
    },
  };
}

afterEach(() => {
  for (const servers of open.splice(0)) servers.forget();
});

/** Runs with a session of one's own, which ends with it. */
export async function withSession<Result>(
  servers: Servers,
  key: InstanceKey,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await servers.connect(key);
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}

/** Whether a server lets us in, tried over a connection of its own. Never rejects. */
export async function tryToEnter(
  servers: Servers,
  key: InstanceKey,
  options: {readonly timeout?: number} = {},
): Promise<({readonly reach: 'answered'} | Unreachable) & {readonly took: number}> {
  const start = performance.now();
  try {
    const session = await servers.connect(key, options);
    session.destroy();
    return {reach: 'answered', took: performance.now() - start};
  } catch (error) {
    return {...classifyFailure(error), took: performance.now() - start};
  }
}
