/** Something of version 3 that this one does not do, and what it says instead. */
export interface LeftOut {
  readonly commands: readonly string[];
  /** Below `/api/`. */
  readonly routes: readonly string[];
  readonly because: string;
}

const AGENT =
  'agent/:host agent-umount/:host agent-mount/:host agent-create-snapshot/:host agent-removelv/:host agent-mysql-stop/:host agent-mysql-start/:host agent-seed/:targetHost/:sourceHost agent-active-seeds/:host agent-recent-seeds/:host agent-seed-details/:seedId agent-seed-states/:seedId agent-abort-seed/:seedId agent-custom-command/:host/:command agents seeds';
const RAFT =
  'raft-state raft-leader raft-health raft-status raft-peers raft-snapshot raft-yield/:node raft-yield-hint/:hint raft-add-peer/:addr raft-remove-peer/:addr raft-follower-health-report/:authenticationToken/:raftBind/:raftAdvertise';

/** Left out on purpose; docs/differences.md says so too. */
export const LEFT_OUT: readonly LeftOut[] = [
  {
    commands: [],
    routes: RAFT.split(' '),
    because:
      'raft is not part of this version: nodes share one backend database; /api/leader-check says whether a node leads, /api/grab-election and /api/reelect move leadership',
  },
  {
    commands: ['custom-command'],
    routes: AGENT.split(' '),
    because: 'agents are not part of this version: seeding and snapshots of volumes are left to other programs',
  },
  {
    commands: ['internal-suggest-promoted-replacement'],
    routes: [],
    because:
      'nobody is replaced after having been promoted: a successor is chosen before anything is moved; recover --noop says whom, and why',
  },
  {
    commands: [],
    routes: ['reload-cluster-alias'],
    because: 'aliases follow from the configuration and from what servers say; set-cluster-alias gives one by hand',
  },
];
