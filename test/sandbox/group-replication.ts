import {randomUUID} from 'node:crypto';
import {factoryOf} from './server/build.ts';
import {ACCOUNTS} from './server/client.ts';
import {Fleet, type FleetOptions} from './server/fleet.ts';
import {guardedFolder} from './server/guard.ts';
import type {Instance} from './server/instance.ts';
import {reservePorts} from './server/ports.ts';
import {waitFor} from './wait.ts';

const JOIN_WITHIN = 60_000;

export interface GroupOptions extends FleetOptions {
  /** How many members, 3 unless given. */
  readonly nodes?: number;
  /** All members write; otherwise one primary does. */
  readonly multiPrimary?: boolean;
}

export interface GroupMember {
  readonly port: number;
  /** ONLINE, RECOVERING, UNREACHABLE, OFFLINE, ERROR. */
  readonly state: string;
  readonly role: 'PRIMARY' | 'SECONDARY' | '';
}

/** A MySQL 9 replication group of members `n1`, `n2`, … on 127.0.0.1, all ONLINE. */
export async function groupReplication(options: GroupOptions = {}): Promise<Group> {
  const {nodes = 3, multiPrimary = false} = options;
  const factory = await factoryOf('mysql9');
  const fleet = new Fleet(factory, await guardedFolder(), options);
  const reserved = await reservePorts(2 * nodes);
  const servers = reserved.ports.slice(0, nodes);
  const locals = reserved.ports.slice(nodes);
  const common = groupOptions({name: randomUUID(), multiPrimary, seeds: locals.map((port) => `127.0.0.1:${port}`).join(',')});
  const members = await Promise.all(
    servers.map((port, node) =>
      fleet.add(`n${node + 1}`, {
        reserved: {ports: [port], release: () => (node === 0 ? reserved.release() : Promise.resolve())},
        options: [...common, `--group-replication-local-address=127.0.0.1:${locals[node]}`],
      }),
    ),
  );
  const group = new Group(fleet, {nodes: members.map((member) => member.instance), version: factory.tree.version});
  try {
    await group.begin();
  } catch (error) {
    await group.down();
    throw error;
  }
  return group;
}

interface GroupPlace {
  readonly name: string;
  readonly seeds: string;
  readonly multiPrimary: boolean;
}

function groupOptions({name, seeds, multiPrimary}: GroupPlace): string[] {
  return [
    '--plugin-load-add=group_replication.so',
    '--plugin-load-add=mysql_clone.so',
    `--group-replication-group-name=${name}`,
    `--group-replication-group-seeds=${seeds}`,
    '--group-replication-start-on-boot=OFF',
    '--group-replication-bootstrap-group=OFF',
    '--group-replication-ip-allowlist=127.0.0.1/32',
    '--group-replication-communication-stack=XCOM',
    '--group-replication-recovery-get-public-key=ON',
    '--group-replication-recovery-reconnect-interval=1',
    '--group-replication-member-expel-timeout=0',
    '--group-replication-unreachable-majority-timeout=0',
    '--group-replication-message-cache-size=134217728',
    `--group-replication-single-primary-mode=${multiPrimary ? 'OFF' : 'ON'}`,
    `--group-replication-enforce-update-everywhere-checks=${multiPrimary ? 'ON' : 'OFF'}`,
  ];
}

/** A group in which each member can be killed, paused and brought back. */
export class Group {
  readonly nodes: readonly Instance[];
  readonly version: string;
  private readonly fleet: Fleet;

  constructor(fleet: Fleet, {nodes, version}: {readonly nodes: readonly Instance[]; readonly version: string}) {
    this.fleet = fleet;
    this.nodes = nodes;
    this.version = version;
  }

  /** Starts all servers and forms the group: the first alone, then the others. */
  async begin(): Promise<void> {
    const [first, ...others] = this.nodes;
    if (!first) throw new Error('A group needs at least one member.');
    await this.fleet.settle(Promise.all(this.nodes.map((node) => node.start())));
    const {user, password} = ACCOUNTS.repl;
    const credentials = `CHANGE REPLICATION SOURCE TO SOURCE_USER='${user}', SOURCE_PASSWORD='${password}' FOR CHANNEL 'group_replication_recovery'`;
    await Promise.all(this.nodes.map((node) => node.query(credentials)));
    await first.query('SET GLOBAL group_replication_bootstrap_group=ON');
    await first.query('START GROUP_REPLICATION', [], {timeout: JOIN_WITHIN});
    await first.query('SET GLOBAL group_replication_bootstrap_group=OFF');
    for (const node of others) await this.join(node);
  }

  /** Starts a member that is down, joins it to the group, and returns when it is ONLINE. */
  async join(node: Instance): Promise<void> {
    await node.start();
    await node.query('START GROUP_REPLICATION', [], {timeout: JOIN_WITHIN});
    const online = async (): Promise<boolean> =>
      (await this.members(node)).some((member) => member.port === node.key.port && member.state === 'ONLINE');
    await waitFor(`${node.name} is ONLINE`, online, {within: JOIN_WITHIN});
  }

  /** The members as one of them sees them. */
  async members(node: Instance): Promise<GroupMember[]> {
    return node.query<{port: number; state: string; role: GroupMember['role']} & Record<string, unknown>>(
      'SELECT member_port AS port, member_state AS state, member_role AS role FROM performance_schema.replication_group_members',
    );
  }

  /** Waits until a member sees so many ONLINE. */
  async online(node: Instance, members: number): Promise<void> {
    const enough = async (): Promise<boolean> =>
      (await this.members(node)).filter((member) => member.state === 'ONLINE').length === members;
    await waitFor(`${node.name} sees ${members} ONLINE`, enough, {within: JOIN_WITHIN});
  }

  /** Kills all members and removes their files. */
  async down(): Promise<void> {
    await this.fleet.down();
  }
}
