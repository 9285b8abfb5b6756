export {fetchServer, cacheFolder, type Tree} from './fetch.ts';
export {clientTools} from './client-tools.ts';
export {shells} from './shells.ts';
export {clockOff} from './clock.ts';
export {TREE_NAMES, type ServerName, type TreeName} from './server/fetch-recipes.ts';
export {ACCOUNTS, Client, type Account, type AccountName, type Row} from './server/client.ts';
export type {Instance} from './server/instance.ts';
export {standStill} from './server/stand-still.ts';
export type {Flavor} from './server/words.ts';
export {
  binlogPosition,
  point,
  replicaStatus,
  replicating,
  startReplication,
  stopReplication,
  type PointOptions,
  type ReplicaStatus,
} from './replication.ts';
export {guardedFolder, type GuardedFolder} from './server/guard.ts';
export {reservePorts, type ReservedPorts} from './server/ports.ts';
export {galera, type Galera, type GaleraOptions} from './galera.ts';
export {groupReplication, type Group, type GroupMember, type GroupOptions} from './group-replication.ts';
export {consul, zookeeper, type Consul, type ConsulOptions, type ZooKeeper} from './directories.ts';
export {haproxy, type Proxy, type ProxyOptions} from './haproxy.ts';
export {sandbox, Sandbox, type Instances, type SandboxOptions, type TopologyOptions} from './sandbox.ts';
export {parseShape, type Shape} from './topology.ts';
export {waitFor, type Waiting} from './wait.ts';
export {Writer, type WriterOptions} from './writer.ts';
