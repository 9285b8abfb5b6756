import type {Config} from '../config/keys.ts';
import {parseInstanceKey} from '../model/instance-key.ts';
import {Consul} from './consul/client.ts';
import {ConsulDirectory} from './consul/directory.ts';
import type {Directory} from './directory.ts';
import {ProxySqlDirectory} from './proxysql/directory.ts';
import {ZooKeeperDirectory} from './zookeeper/directory.ts';

const PROXYSQL_ADMIN_PORT = 6032;

/** Every directory outside the backend that the configuration names. Nothing is connected before it is asked. */
export function openDirectories(config: Config): readonly Directory[] {
  const {ProxySQLAdminUser: user, ProxySQLAdminPassword: password} = config;
  return [
    ...(config.ZkAddress.trim() === '' ? [] : [new ZooKeeperDirectory(config)]),
    ...(config.ConsulAddress.trim() === '' ? [] : [new ConsulDirectory(new Consul(config), config)]),
    ...config.ProxySQLAdminAddresses.map((text) => {
      const address = parseInstanceKey(text, PROXYSQL_ADMIN_PORT);
      return new ProxySqlDirectory({address, user, password}, config);
    }),
  ];
}
