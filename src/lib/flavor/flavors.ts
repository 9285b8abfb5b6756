import type {Flavor} from './flavor.ts';
import {mariadbFlavor} from './mariadb.ts';
import {maxscaleFlavor} from './maxscale.ts';
import {mysqlFlavor} from './mysql.ts';
import {familyOf, parseVersion, type Identity} from './version.ts';

/**
 * The flavor of a server. Cheap: it may be asked for at every statement.
 *
 * @param identity of `@@version` and `@@version_comment`; an instance will do. The version in a server's greeting is as good, the
 *   comment only tells Percona Server from MySQL. What is not recognised is spoken to as MySQL of that version.
 */
export function flavorOf(identity: Identity): Flavor {
  const version = parseVersion(identity.version);
  const family = familyOf(identity);
  switch (family) {
    case 'MariaDB':
      return mariadbFlavor(version);
    case 'Percona':
    case 'MySQL':
      return mysqlFlavor(family, version);
    case 'MaxScale':
      return maxscaleFlavor();
    case 'unknown':
      return mysqlFlavor('unknown', version);
  }
}
