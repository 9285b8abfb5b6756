import {describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {loadConfig} from '../../src/lib/config/load.ts';
import {listenAddress} from '../../src/lib/config/validate.ts';
import {check, folder, load, QUIET, thrown} from './support/config.ts';
import {containing, having} from './support/expecting.ts';

const LAG = {ReplicationLagQuery: 'select 1'};

describe('adjustments after each file', () => {
  const cases: readonly {readonly keys: object; readonly becomes: Partial<Config>}[] = [
    {keys: {RecoveryPeriodBlockSeconds: 0, RecoveryPeriodBlockMinutes: 7}, becomes: {RecoveryPeriodBlockSeconds: 420}},
    {keys: {RecoveryPeriodBlockSeconds: 0, RecoveryPeriodBlockMinutes: 0}, becomes: {RecoveryPeriodBlockSeconds: 0}},
    {keys: {SlaveLagQuery: 'select 2'}, becomes: {ReplicationLagQuery: 'select 2', SlaveLagQuery: ''}},
    {keys: {SlaveLagQuery: 'select 2', ReplicationLagQuery: 'select 2'}, becomes: {ReplicationLagQuery: 'select 2', SlaveLagQuery: ''}},
    {keys: {}, becomes: {DetachLostReplicasAfterMasterFailover: true}},
    {keys: {DetachLostSlavesAfterMasterFailover: false}, becomes: {DetachLostReplicasAfterMasterFailover: false}},
    {
      keys: {DetachLostSlavesAfterMasterFailover: false, DetachLostReplicasAfterMasterFailover: true},
      becomes: {DetachLostReplicasAfterMasterFailover: true},
    },
    {keys: {MasterFailoverDetachSlaveMasterHost: true}, becomes: {MasterFailoverDetachReplicaMasterHost: true}},
    {
      keys: {MasterFailoverDetachReplicaMasterHost: true},
      becomes: {MasterFailoverDetachSlaveMasterHost: false, MasterFailoverDetachReplicaMasterHost: true},
    },
    {keys: {...LAG, FailMasterPromotionOnLagMinutes: 3}, becomes: {FailMasterPromotionOnLagMinutes: 3}},
    {keys: {PostponeSlaveRecoveryOnLagMinutes: 3}, becomes: {PostponeReplicaRecoveryOnLagMinutes: 3}},
    {keys: {PostponeReplicaRecoveryOnLagMinutes: 3}, becomes: {PostponeReplicaRecoveryOnLagMinutes: 3}},
    {keys: {URLPrefix: '//a/b//'}, becomes: {URLPrefix: '/a/b'}},
    {keys: {URLPrefix: 'a'}, becomes: {URLPrefix: '/a'}},
    {keys: {URLPrefix: '/'}, becomes: {URLPrefix: ''}},
    {keys: {URLPrefix: ''}, becomes: {URLPrefix: ''}},
    {keys: {}, becomes: {KVClusterMasterPrefix: 'mysql/master/'}},
    {keys: {KVClusterMasterPrefix: 'a//'}, becomes: {KVClusterMasterPrefix: 'a/'}},
    {keys: {KVClusterMasterPrefix: '/'}, becomes: {KVClusterMasterPrefix: '/'}},
    {
      keys: {AutoPseudoGTID: true, PseudoGTIDPattern: 'mine', DetectPseudoGTIDQuery: 'select 2'},
      becomes: {
        PseudoGTIDPattern: 'drop view if exists `_pseudo_gtid_`',
        PseudoGTIDPatternIsFixedSubstring: true,
        PseudoGTIDMonotonicHint: 'asc:',
        DetectPseudoGTIDQuery: 'select 1',
      },
    },
    {keys: {PseudoGTIDPattern: 'mine'}, becomes: {PseudoGTIDPattern: 'mine', PseudoGTIDPatternIsFixedSubstring: false}},
    {keys: {ReasonableReplicationLagSeconds: 33}, becomes: {ReasonableLockedSemiSyncMasterSeconds: 33}},
    {keys: {ReasonableLockedSemiSyncMasterSeconds: 4}, becomes: {ReasonableLockedSemiSyncMasterSeconds: 4}},
  ];

  test.each(cases)('$keys becomes $becomes', ({keys, becomes}) => {
    const {config, notices} = load(keys);
    expect(config).toMatchObject(becomes);
    expect(notices).toEqual([]);
  });

  test('what the first file adjusted, the second one finds', () => {
    const cwd = folder({
      'a.json': {...QUIET, ReasonableReplicationLagSeconds: 33, SlaveLagQuery: 'q'},
      'b.json': {ReasonableReplicationLagSeconds: 5},
    });
    expect(loadConfig({env: {}, cwd, files: ['a.json', 'b.json']}).config).toMatchObject({
      ReasonableReplicationLagSeconds: 5,
      ReasonableLockedSemiSyncMasterSeconds: 33,
      ReplicationLagQuery: 'q',
    });
  });

  test('a synonym says where its value came from', () => {
    const {origin, sources} = load({SlaveLagQuery: 'q', PostponeSlaveRecoveryOnLagMinutes: 1});
    expect(origin).toMatchObject({
      ReplicationLagQuery: sources[0],
      PostponeReplicaRecoveryOnLagMinutes: sources[0],
      SlaveLagQuery: 'default',
    });
  });
});

describe('what contradicts itself or cannot be served', () => {
  test.each([
    {keys: {SlaveLagQuery: 'a', ReplicationLagQuery: 'b'}, says: 'SlaveLagQuery and ReplicationLagQuery are two names of one key'},
    {
      keys: {FailMasterPromotionIfSQLThreadNotUpToDate: true, DelayMasterPromotionIfSQLThreadNotUpToDate: true},
      says: 'exclude each other, found both true',
    },
    {keys: {FailMasterPromotionOnLagMinutes: 1}, says: 'FailMasterPromotionOnLagMinutes (1) needs ReplicationLagQuery, which is empty'},
    {keys: {PostponeSlaveRecoveryOnLagMinutes: 1, PostponeReplicaRecoveryOnLagMinutes: 2}, says: 'two names of one key, found 1 and 2'},
    {keys: {SQLite3DataFile: ''}, says: 'SQLite3DataFile must name a file when BackendDB is "sqlite", found none'},
    {keys: {BackendDB: 'postgres'}, says: 'BackendDB must be "mysql" or "sqlite", found "postgres"'},
    {keys: {RaftEnabled: true, RaftDataDir: '/x'}, says: 'RaftEnabled must be false: raft is not supported'},
    {keys: {HTTPAdvertise: '//h:1'}, says: 'HTTPAdvertise must have a scheme (http:// or https://), found none'},
    {keys: {HTTPAdvertise: 'http://:1'}, says: 'HTTPAdvertise must have a host, found none'},
    {keys: {HTTPAdvertise: 'http://h'}, says: 'HTTPAdvertise must have a port, found none'},
    {keys: {HTTPAdvertise: 'http://h:1/'}, says: 'HTTPAdvertise must have no path, found one'},
    {keys: {HTTPAdvertise: 'http://u:hunter2@h:1'}, says: 'HTTPAdvertise must have no user or password, found one'},
    {keys: {ListenAddress: '3000'}, says: 'ListenAddress must be host:port or :port with a port from 0 to 65535, found "3000"'},
    {keys: {DefaultInstancePort: 0}, says: 'DefaultInstancePort must be a port from 1 to 65535, found 0'},
    {keys: {MySQLOrchestratorPort: 65536}, says: 'MySQLOrchestratorPort must be a port from 1 to 65535, found 65536'},
    {keys: {AuthenticationMethod: 'none'}, says: 'AuthenticationMethod must be one of "", basic, multi, proxy, token, found "none"'},
    {keys: {AuthenticationMethod: 'Multi'}, says: 'HTTPAuthUser must not be empty with AuthenticationMethod multi'},
  ])('$keys: $says', ({keys, says}) => {
    const error = thrown(() => load(keys));
    expect(error).toMatchObject({code: 'CONFIG_INVALID', message: containing(says)});
    expect(String(error)).toContain('o.json');
    expect(String(error)).not.toContain('hunter2');
    expect(check(keys).filter((notice) => notice.level === 'error')).toHaveLength(1);
  });

  test.each([{RaftDataDir: ''}, {RaftDataDir: '/x', RaftBind: ''}])('raft without %o is an error even where raft is ignored', (keys) => {
    expect(thrown(() => load({RaftEnabled: true, ...keys}, {ignoreRaftSetup: true}))).toMatchObject({
      message: containing('must not be empty when RaftEnabled'),
    });
  });

  test('--ignore-raft-setup runs although the file says raft', () => {
    expect(load({RaftEnabled: true, RaftDataDir: '/x'}, {ignoreRaftSetup: true}).config.RaftEnabled).toBe(true);
  });
});

describe('what is taken and probably not meant', () => {
  test.each([
    {
      keys: {RecoveryPeriodBlockMinutes: 5},
      key: 'RecoveryPeriodBlockMinutes',
      says: 'has no effect: RecoveryPeriodBlockSeconds is 3600, not 0',
    },
    {
      keys: {DetachLostReplicasAfterMasterFailover: false},
      key: 'DetachLostReplicasAfterMasterFailover',
      says: 'while DetachLostSlavesAfterMasterFailover is true',
    },
    {keys: {BackendDB: 'mysql'}, key: 'MySQLOrchestratorHost', says: 'MySQLOrchestratorHost is empty'},
    {keys: {AuthenticationMethod: 'oauth'}, key: 'AuthenticationMethod', says: 'oauth is not implemented'},
    {keys: {AuthenticationMethod: 'basic'}, key: 'HTTPAuthUser', says: 'HTTPAuthUser is empty'},
    {
      keys: {AuthenticationMethod: 'PROXY', AuthTrustedProxies: ['10.0.0.1']},
      key: 'PowerAuthUsers',
      says: 'everybody may change things',
    },
    {
      keys: {AuthenticationMethod: 'proxy', PowerAuthUsers: ['me']},
      key: 'AuthTrustedProxies',
      says: 'whoever reaches the service may say who they are',
    },
    {keys: {HostnameResolveMethod: 'dns'}, key: 'HostnameResolveMethod', says: 'found "dns": names are kept as they are'},
    {keys: {MySQLHostnameResolveMethod: 'x'}, key: 'MySQLHostnameResolveMethod', says: 'found "x"'},
    {keys: {ConsulScheme: 'ftp'}, key: 'ConsulScheme', says: 'found "ftp"'},
    {
      keys: {DiscoveryIgnoreHostnameFilters: ['a', 'x[']},
      key: 'DiscoveryIgnoreHostnameFilters',
      says: '"x[" is not a regular expression and never matches',
    },
    {
      keys: {RecoveryIgnoreHostnameFilters: ['']},
      key: 'RecoveryIgnoreHostnameFilters',
      says: 'has an empty entry, which matches every instance',
    },
    {keys: {RecoverMasterClusterFilters: ['']}, key: 'RecoverMasterClusterFilters', says: 'has an empty entry, which matches nothing'},
    {keys: {RecoverMasterClusterFilters: ['alias~=(']}, key: 'RecoverMasterClusterFilters', says: '"(" is not a regular expression'},
    {keys: {RecoverIntermediateMasterClusterFilters: ['+']}, key: 'RecoverIntermediateMasterClusterFilters', says: '"+" is not'},
    {keys: {DataCenterPattern: 'dc[0-9]'}, key: 'DataCenterPattern', says: 'has no group'},
    {keys: {RegionPattern: '(x'}, key: 'RegionPattern', says: 'is not a regular expression'},
    {keys: {RejectHostnameResolvePattern: '*'}, key: 'RejectHostnameResolvePattern', says: 'is not a regular expression'},
    {keys: {PseudoGTIDPattern: '*'}, key: 'PseudoGTIDPattern', says: 'is not a regular expression'},
    {keys: {ClusterNameToAlias: {'*': 'x'}}, key: 'ClusterNameToAlias', says: '"*" is not a regular expression'},
    {keys: {UseSSL: true}, key: 'UseSSL', says: 'UseSSL needs SSLCertFile and SSLPrivateKeyFile'},
    {keys: {MySQLTopologySSLCertFile: 'c'}, key: 'MySQLTopologySSLPrivateKeyFile', says: 'belong together, found only one'},
    {keys: {MySQLOrchestratorSSLPrivateKeyFile: 'k'}, key: 'MySQLOrchestratorSSLCertFile', says: 'belong together, found only one'},
  ])('$keys: $says', ({keys, key, says}) => {
    expect(load(keys).notices).toMatchObject([{code: 'suspicious', level: 'warning', key, sentence: containing(says)}]);
  });

  test.each([
    {HostnameResolveMethod: 'CNAME'},
    {RecoverMasterClusterFilters: ['*', 'alias=(', 'alias~=^a', 'x']},
    {DataCenterPattern: '(?i)[.](dc[0-9]+)[.]'},
    {PseudoGTIDPattern: '*', PseudoGTIDPatternIsFixedSubstring: true},
    {AuthenticationMethod: 'proxy', PowerAuthUsers: ['me'], AuthTrustedProxies: ['10.0.0.0/8']},
    {AuthenticationMethod: 'basic', HTTPAuthUser: 'me'},
    {ListenSocket: '/run/o.sock', ListenAddress: ''},
    {DetachLostReplicasAfterMasterFailover: true},
    {RecoveryPeriodBlockMinutes: 60},
    {MySQLTopologySSLCertFile: 'c', MySQLTopologySSLPrivateKeyFile: 'k'},
    {BackendDB: '', MySQLOrchestratorHost: 'h'},
  ])('%o is fine', (keys) => {
    expect(load(keys).notices).toEqual([]);
  });

  test.each([
    {keys: {InstancePollSeconds: 0}, becomes: {InstancePollSeconds: 5}},
    {keys: {MySQLConnectTimeoutSeconds: 0}, becomes: {MySQLConnectTimeoutSeconds: 2}},
    {keys: {MySQLDiscoveryReadTimeoutSeconds: -1}, becomes: {MySQLDiscoveryReadTimeoutSeconds: 10}},
    {keys: {MySQLTopologyReadTimeoutSeconds: 0}, becomes: {MySQLTopologyReadTimeoutSeconds: 600}},
    {keys: {MySQLOrchestratorReadTimeoutSeconds: 0}, becomes: {MySQLOrchestratorReadTimeoutSeconds: 30}},
    {keys: {MySQLOrchestratorMaxPoolConnections: 0}, becomes: {MySQLOrchestratorMaxPoolConnections: 128}},
    {keys: {DiscoveryMaxConcurrency: 0}, becomes: {DiscoveryMaxConcurrency: 300}},
    {keys: {MaxConcurrentRecoveries: 0}, becomes: {MaxConcurrentRecoveries: 5}},
  ])('$keys becomes $becomes, and is said to', ({keys, becomes}) => {
    const {config, notices} = load(keys);
    expect(config).toMatchObject(becomes);
    expect(notices).toMatchObject([{code: 'adjusted', level: 'warning', key: Object.keys(keys)[0], sentence: containing('must be')}]);
  });
});

describe('listening', () => {
  test.each([
    {text: ':3000', is: {host: '', port: 3000}},
    {text: '127.0.0.1:0', is: {host: '127.0.0.1', port: 0}},
    {text: 'box.example.com:80', is: {host: 'box.example.com', port: 80}},
    {text: '[::1]:3000', is: {host: '::1', port: 3000}},
    {text: '::1:3000', is: null},
    {text: ':65536', is: null},
    {text: ':http', is: null},
    {text: '', is: null},
    {text: 'http://x:1', is: null},
  ])('$text', ({text, is}) => {
    expect(listenAddress(text)).toEqual(is);
  });

  const open = having({sentence: 'anybody who reaches :3000 may change topologies: AuthenticationMethod is empty'});

  test.each([
    {keys: {ListenAddress: ':3000'}, notices: [open]},
    {keys: {ListenAddress: ':3000', ReadOnly: true}, notices: []},
    {keys: {ListenAddress: ':3000', AuthenticationMethod: 'token'}, notices: []},
    {keys: {ListenAddress: ':3000', ListenSocket: '/run/o.sock'}, notices: []},
    {keys: {ListenAddress: 'localhost:3000'}, notices: []},
    {keys: {ListenAddress: '[::1]:3000'}, notices: []},
  ])('$keys', ({keys, notices}) => {
    expect(check(keys)).toEqual(notices);
    expect(load(keys).notices).toEqual([]); // the command line does not listen
  });
});
