import type {Config} from '../config/keys.ts';
import type {Flavor, ReplicationCredentials, Row} from '../flavor/flavor.ts';
import {textOf} from '../flavor/rows.ts';
import {say} from '../flavor/statement.ts';
import type {Session} from '../servers/servers.ts';

/**
 * What a server replicates with, for setting up its former source: as ReplicationCredentialsQuery says, else from the server's own
 * table.
 *
 * @returns null where neither has a user
 * @throws what `Session.query` throws
 */
export async function readReplicationCredentials(
  session: Pick<Session, 'query'>,
  flavor: Flavor,
  config: Config,
): Promise<ReplicationCredentials | null> {
  const statement = config.ReplicationCredentialsQuery === '' ? flavor.showReplicationCredentials : say(config.ReplicationCredentialsQuery);
  const row = statement === null ? undefined : (await session.query(statement))[0];
  return row ? credentialsOf(row) : null;
}

/** User, password, CA, certificate, key: by place, since the query may name its columns as it likes. */
function credentialsOf(row: Row): ReplicationCredentials | null {
  const [user = '', password = '', sslCa = '', sslCert = '', sslKey = ''] = Object.values(row).map(textOf);
  if (user === '') return null;
  return {user, password, ...(sslCa === '' ? {} : {sslCa}), ...(sslCert === '' ? {} : {sslCert}), ...(sslKey === '' ? {} : {sslKey})};
}
