import type {ConnectionOptions} from 'mysql2';
import type {Config} from '../../config/keys.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, parseInstanceKey, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {errnoOf} from './errors.ts';
import {sever} from './sever.ts';

/** Where the next connection to the backend goes. */
export interface WayIn {
  /** @throws the driver's error, or OrchestratorError, when nobody tells */
  next(): Promise<InstanceKey>;
  /** What was said last led to a server that does not serve: it is looked for again. */
  forget(): void;
}

/** A member of a replication group, as one of them sees it. */
export interface Member extends InstanceKey {
  readonly state: string;
  readonly role: string;
  /** The member that was asked. */
  readonly itself: boolean;
}

const MEMBERS =
  'select member_host as host, member_port as port, member_state as state, member_role as role, member_id = @@server_uuid as itself ' +
  'from performance_schema.replication_group_members';
/** No such table, schema or variable: a server that knows no group replication. */
const KNOWS_NO_GROUPS: ReadonlySet<number> = new Set([1146, 1049, 1193]);

/** `MySQLOrchestratorHost` as addresses: one, or the members of one replication group separated by commas. */
export function backendAddresses(config: Pick<Config, 'MySQLOrchestratorHost' | 'MySQLOrchestratorPort'>): readonly InstanceKey[] {
  const {MySQLOrchestratorHost: text, MySQLOrchestratorPort: port} = config;
  if (!text.includes(',')) return [{host: text || '127.0.0.1', port}];
  return text
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one) => parseInstanceKey(one, port));
}

/** One address is the way in, whatever it is; of several the member of the group that takes writes. */
export function wayIn(addresses: readonly InstanceKey[], settings: ConnectionOptions, timeout: Milliseconds): WayIn {
  const [only] = addresses;
  if (only && addresses.length === 1) return {next: () => Promise.resolve(only), forget: () => undefined};
  let known: Promise<InstanceKey> | null = null;
  const forget = (): void => void (known = null);
  return {
    forget,
    next() {
      known ??= findPrimary(addresses, (address) => membersAt({...settings, ...address}, timeout));
      known.catch(forget);
      return known;
    },
  };
}

async function findPrimary(
  addresses: readonly InstanceKey[],
  ask: (address: InstanceKey) => Promise<readonly Member[]>,
): Promise<InstanceKey> {
  const found = await Promise.allSettled(addresses.map(async (address) => primaryOf(address, await ask(address), addresses)));
  const primary = found.find((answer) => answer.status === 'fulfilled' && answer.value !== null);
  if (primary?.status === 'fulfilled' && primary.value) return primary.value;
  const reasons = found.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
  const refused = reasons.find((reason) => reason instanceof OrchestratorError);
  if (refused) throw refused;
  if (reasons.length === found.length) throw reasons[0];
  throw new OrchestratorError(
    'BACKEND_UNREACHABLE',
    `no member of the backend ${addresses.map(keyText).join(', ')} belongs to a majority`,
    {
      hint: 'see performance_schema.replication_group_members on each of them: a group without a majority elects no primary',
    },
  );
}

/**
 * Who takes writes, in the view of one member. Pure.
 *
 * @param asked whom we asked, under the name by which we reach it
 * @returns null when the member sees no majority, or no primary: its view counts for nothing
 */
export function primaryOf(asked: InstanceKey, members: readonly Member[], addresses: readonly InstanceKey[]): InstanceKey | null {
  const present = members.filter(({state}) => state === 'ONLINE' || state === 'RECOVERING');
  const primaries = members.filter(({state, role}) => state === 'ONLINE' && role === 'PRIMARY');
  if (present.length * 2 <= members.length || primaries.length === 0) return null;
  if (primaries.some(({itself}) => itself)) return asked;
  const [{host, port} = asked] = primaries;
  return addresses.find((address) => sameKey(address, {host, port})) ?? {host, port};
}

async function membersAt(settings: ConnectionOptions, timeout: Milliseconds): Promise<readonly Member[]> {
  const mysql = await import('mysql2');
  const connection = mysql.createConnection(settings);
  connection.on('error', () => undefined); // the question that fails reports it
  try {
    const rows = await new Promise<readonly (Omit<Member, 'itself'> & {readonly itself: number})[]>((resolve, reject) =>
      connection.query({sql: MEMBERS, timeout}, (error, answer) => (error ? reject(error) : resolve(answer as never))),
    );
    return rows.map((row) => ({...row, itself: Number(row.itself) === 1}));
  } catch (error) {
    if (KNOWS_NO_GROUPS.has(errnoOf(error))) throw noGroup(settings);
    throw error;
  } finally {
    sever(connection);
  }
}

function noGroup({host = '', port = 0}: ConnectionOptions): OrchestratorError {
  return new OrchestratorError(
    'CONFIG_INVALID',
    `MySQLOrchestratorHost names several servers, and ${keyText({host, port})} is no member of a replication group`,
    {
      hint: 'name one server, or a proxy that leads to the writable one; a list is for the members of one replication group',
    },
  );
}
