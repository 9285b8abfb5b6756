import type {Milliseconds} from '../model/units.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {QueryOptions, Servers, Session} from '../servers/servers.ts';
import type {Statement} from '../flavor/flavor.ts';
import type {ProbeOutcome} from './outcome.ts';
import {createProber, type ProbeOptions} from './probe.ts';

/**
 * Reads one server over a connection of its own, which ends with the probe: how a death is confirmed. Never rejects.
 *
 * @param timeout for the handshake and for each answer
 */
export async function probeAfresh(options: ProbeOptions, key: InstanceKey, timeout: Milliseconds): Promise<ProbeOutcome> {
  const opened: Session[] = [];
  const session = async (asked: InstanceKey): Promise<Session> => {
    const made = await options.servers.connect(asked, {timeout});
    opened.push(made);
    return hasty(made, timeout);
  };
  const servers: Servers = {...bound(options.servers), session};
  try {
    return await createProber({...options, servers}).probe(key);
  } finally {
    for (const one of opened) one.destroy();
  }
}

function bound(servers: Servers): Servers {
  return {
    session: (key) => servers.session(key),
    connect: (key, more) => servers.connect(key, more),
    onLost: (listener) => servers.onLost(listener),
    forget: (key) => servers.forget(key),
  };
}

/** The same session, whose answers are waited for no longer than this. */
function hasty(session: Session, timeout: Milliseconds): Session {
  return new Proxy(session, {
    get(target, property) {
      if (property === 'query') {
        return (statement: Statement, more: QueryOptions = {}) =>
          target.query(statement, {...more, timeout: Math.min(more.timeout ?? timeout, timeout)});
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
