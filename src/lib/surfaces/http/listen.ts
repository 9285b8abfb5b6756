import {unlink} from 'node:fs/promises';
import {connect} from 'node:net';
import type {FastifyInstance} from 'fastify';
import type {Config} from '../../config/keys.ts';
import {messageOf, OrchestratorError} from '../../errors/errors.ts';

/**
 * Listens on ListenSocket, else on ListenAddress (`host:port`, `:port`, `[ipv6]:port`).
 *
 * @returns where it listens, for the log
 * @throws OrchestratorError CONFIG_INVALID: the address is not one, or in use
 */
export async function listen(app: FastifyInstance, config: Pick<Config, 'ListenAddress' | 'ListenSocket'>): Promise<string> {
  try {
    if (config.ListenSocket === '') return await listenTcp(app, parseListenAddress(config.ListenAddress));
    await removeStale(config.ListenSocket);
    await app.listen({path: config.ListenSocket});
    return config.ListenSocket;
  } catch (error) {
    if (error instanceof OrchestratorError) throw error;
    const where = config.ListenSocket || config.ListenAddress;
    throw new OrchestratorError('CONFIG_INVALID', `cannot listen on ${where}: ${messageOf(error)}`, {
      hint: 'is another service running here? ListenAddress says where to listen',
      cause: error,
    });
  }
}

export interface ListenAddress {
  /** '' = every interface. */
  readonly host: string;
  readonly port: number;
}

/** @throws OrchestratorError CONFIG_INVALID */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new OrchestratorError('CONFIG_INVALID', `ListenAddress ${JSON.stringify(text)} is not an address`, {
      hint: 'write host:port, or :port for every interface',
    });
  }
  return {host: match[1] ?? match[2] ?? '', port};
}

async function listenTcp(app: FastifyInstance, {host, port}: ListenAddress): Promise<string> {
  if (host !== '' && host !== '*') return app.listen({host, port});
  try {
    return await app.listen({host: '::', port}); // answers IPv4 too
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    return app.listen({host: '0.0.0.0', port});
  }
}

/** A socket file nobody answers on is left over from a process that was killed. */
async function removeStale(path: string): Promise<void> {
  const outcome = await new Promise<'answered' | 'refused' | 'absent'>((resolve) => {
    const socket = connect(path);
    socket
      .on('connect', () => resolve('answered'))
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'absent'));
    socket.on('connect', () => socket.destroy());
  });
  if (outcome === 'refused') await unlink(path);
}
