import type {Health, NodeReport} from '../../operations/context.ts';
import type {NodeId} from '../../coordination/types.ts';
import type {Json} from './values.ts';

/** Details of `/api/health` and `/api/status`. There is no raft; its keys stay, empty. */
export function healthJson(health: Health, me: NodeId): Json {
  return {
    Healthy: health.healthy,
    Hostname: me.hostname,
    Token: me.token,
    IsActiveNode: health.isLeader,
    ActiveNode: nodeJson(health.leader),
    Error: health.error === '' ? null : health.error,
    AvailableNodes: health.nodes.map(nodeJson),
    RaftLeader: '',
    IsRaftLeader: false,
    RaftLeaderURI: '',
    RaftAdvertise: '',
    RaftHealthyMembers: null,
  };
}

export function nodeJson(node: NodeReport | null): Json {
  return {
    Hostname: node?.hostname ?? '',
    Token: node?.token ?? '',
    AppVersion: node?.version ?? '',
    FirstSeenActive: node?.firstSeen ?? '',
    LastSeenActive: node?.lastSeen ?? '',
    ExtraInfo: node?.mode ?? '',
    Command: node?.command ?? '',
    DBBackend: node?.backend ?? '',
    // When a report was made by a process that keeps it; read from the backend it is Go's zero time.
    LastReported: '0001-01-01T00:00:00Z',
  };
}
