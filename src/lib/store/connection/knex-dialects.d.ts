/** The dialect classes knex does not declare; ours are subclasses of them. Connections and query objects are the drivers' own. */
declare module 'knex/lib/dialects/sqlite3/index.js' {
  import type {Knex} from 'knex';
  class SqliteClient extends Knex.Client {
    constructor(config: Knex.Config);
  }
  export default SqliteClient;
}

declare module 'knex/lib/dialects/mysql2/index.js' {
  import type {Knex} from 'knex';
  class MysqlClient extends Knex.Client {
    constructor(config: Knex.Config);
    validateConnection(connection: object): boolean;
  }
  export default MysqlClient;
}
