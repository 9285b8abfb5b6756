import {isCode} from '../errors/errors.ts';
import {say} from '../flavor/statement.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {UnresolveOptions} from '../names/unresolve.ts';
import {readUnresolve} from '../store/hostname.ts';
import type {Environment} from './environment.ts';

interface Identity {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

const WHO = say('SELECT @@global.server_id AS id, @@global.hostname AS host, @@global.port AS port');

/** How sources are to be called in replicas' settings: by the virtual names that are registered, where these lead to them. */
export function namingFor({
  backend,
  servers,
  config,
  unresolving = {},
}: Pick<Environment, 'backend' | 'servers' | 'config' | 'unresolving'>): UnresolveOptions {
  const whoIs: UnresolveOptions['whoIs'] = async (virtual, itself) => {
    const own = await identityOf(servers, itself).catch(unreachableIsNull);
    if (own === null) return null;
    if (own === 'does not say') return {key: virtual, isBinlogServer: true};
    const found = await identityOf(servers, virtual);
    const isSame = found !== 'does not say' && found.id === own.id && found.host === own.host && found.port === own.port;
    if (isSame) return {key: itself, isBinlogServer: false};
    return {key: found === 'does not say' ? virtual : {host: found.host, port: found.port}, isBinlogServer: false};
  };
  return {
    registered: (host) => readUnresolve(backend, host),
    whoIs,
    trustBinlogServers: config.SkipBinlogServerUnresolveCheck,
    ...unresolving,
  };
}

/** A binlog server knows few variables. */
async function identityOf(servers: Environment['servers'], key: InstanceKey): Promise<Identity | 'does not say'> {
  const session = await servers.connect(key);
  try {
    const [row] = await session.query(WHO);
    return row ? {id: Number(row['id']), host: String(row['host']), port: Number(row['port'])} : 'does not say';
  } catch (error) {
    if (isCode(error, 'SERVER_STATEMENT_FAILED')) return 'does not say';
    throw error;
  } finally {
    session.destroy();
  }
}

function unreachableIsNull(error: unknown): null {
  if (isCode(error, 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT')) return null;
  throw error;
}
