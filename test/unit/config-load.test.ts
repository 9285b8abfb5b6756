import {symlinkSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {KEYS, KEY_NAMES} from '../../src/lib/config/keys.ts';
import {OBSOLETE_KEYS} from '../../src/lib/config/known.ts';
import {checkConfig, loadConfig} from '../../src/lib/config/load.ts';
import {check, folder, load, QUIET, thrown} from './support/config.ts';
import {anyText, containing, having, matching} from './support/expecting.ts';

describe('which files are read', () => {
  const first = {
    ...QUIET,
    InstancePollSeconds: 1,
    DiscoverySeeds: ['a'],
    ClusterNameToAlias: {x: '1', y: '1'},
    RejectHostnameResolvePattern: 'first',
  };
  const second = {instancepollseconds: 2, DISCOVERYSEEDS: ['b'], ClusterNameToAlias: {y: '2'}, RejectHostnameResolvePattern: null};

  test('all default files that exist are merged key by key, later ones over earlier ones', () => {
    const cwd = folder({'conf/orchestrator.conf.json': first, 'orchestrator.conf.json': second});
    const {config, sources, origin, notices, withoutFile} = loadConfig({env: {}, cwd});
    const files = [path.join(cwd, 'conf/orchestrator.conf.json'), path.join(cwd, 'orchestrator.conf.json')];
    expect(config).toMatchObject({
      InstancePollSeconds: 2,
      DiscoverySeeds: ['b'],
      ClusterNameToAlias: {x: '1', y: '2'},
      RejectHostnameResolvePattern: 'first',
    });
    expect(sources.filter((file) => file.startsWith(cwd))).toEqual(files);
    expect(origin).toMatchObject({InstancePollSeconds: files[1], RejectHostnameResolvePattern: files[0], DataCenterPattern: 'default'});
    expect({notices, withoutFile}).toEqual({notices: [], withoutFile: false});
  });

  test('--config is the only file read', () => {
    const cwd = folder({'conf/orchestrator.conf.json': first, 'mine.json': {...QUIET, RejectHostnameResolvePattern: 'mine'}});
    const {config, sources} = loadConfig({path: 'mine.json', env: {}, cwd});
    expect({poll: config.InstancePollSeconds, message: config.RejectHostnameResolvePattern, sources}).toEqual({
      poll: 5,
      message: 'mine',
      sources: [path.join(cwd, 'mine.json')],
    });
  });

  test('flags of the command line are stronger than a file and its credentials', () => {
    const cwd = folder({'o.json': {...QUIET, MySQLTopologyCredentialsConfigFile: 'c.cnf'}, 'c.cnf': '[client]\nuser=file\npassword=file'});
    const overrides = {MySQLTopologyUser: 'flag', MySQLTopologyPassword: '${HOME}', RecoverMasterClusterFilters: ['*']};
    const {config, origin} = loadConfig({path: 'o.json', env: {HOME: '/root'}, cwd, overrides});
    expect(config).toMatchObject(overrides);
    expect(origin).toMatchObject({MySQLTopologyUser: 'command line', MySQLTopologyCredentialsConfigFile: path.join(cwd, 'o.json')});
  });

  test('the result cannot be changed', () => {
    const {config} = load({DiscoverySeeds: ['a']});
    expect(() => ((config as {Debug: boolean}).Debug = true)).toThrow(TypeError);
    expect(() => (config.DiscoverySeeds as string[]).push('b')).toThrow(TypeError);
  });
});

describe('without any file', () => {
  const env = {XDG_STATE_HOME: '/var/state', ORCHESTRATOR_TOPOLOGY_USER: 'u', ORCHESTRATOR_TOPOLOGY_PASSWORD: 'p-secret'};

  test.each([
    {env, file: '/var/state/orchestrator/orchestrator.sqlite'},
    {env: {...env, XDG_STATE_HOME: 'relative', HOME: '/home/x'}, file: '/home/x/.local/state/orchestrator/orchestrator.sqlite'},
    {env: {HOME: '/home/x'}, file: '/home/x/.local/state/orchestrator/orchestrator.sqlite'},
  ])('the backend is $file, and a note says so', ({env, file}) => {
    const {config, notices, withoutFile} = loadConfig({env, cwd: '/', files: ['none.json']});
    expect(config).toMatchObject({
      BackendDB: 'sqlite',
      SQLite3DataFile: file,
      ListenAddress: '127.0.0.1:3000',
      KVClusterMasterPrefix: 'mysql/master/',
    });
    expect(withoutFile).toBe(true);
    expect(notices).toEqual([having({code: 'no-file', level: 'note', sentence: containing(file)})]);
    expect(JSON.stringify(notices)).not.toContain('p-secret');
  });

  test('managed servers are logged in to as the environment says', () => {
    const {config, origin} = loadConfig({env, cwd: '/', files: []});
    expect(config).toMatchObject({MySQLTopologyUser: 'u', MySQLTopologyPassword: 'p-secret'});
    expect(origin).toMatchObject({MySQLTopologyUser: 'environment', BackendDB: 'default'});
  });

  test('with a file the environment says nothing', () => {
    expect(load({}, {env}).config.MySQLTopologyUser).toBe('');
  });
});

describe('files that cannot be read', () => {
  test.each([
    {what: 'missing', path: 'none.json', says: /none\.json: the configuration file does not exist$/},
    {what: 'a folder', path: 'sub', says: /sub: the configuration file is a directory$/},
    {what: 'empty', path: 'empty.json', says: /empty\.json:1: not JSON at 1:1: the file ends where "{" was expected$/},
    {what: 'broken', path: 'broken.json', says: /broken\.json:3: not JSON at 3:2: ":" was expected$/},
    {what: 'commented', path: 'comment.json', says: /comment\.json:2: not JSON at 2:2: a key in double quotes was expected$/},
    {what: 'an unclosed string', path: 'open.json', says: /open\.json:1: not JSON at 1:27: a string/},
    {what: 'a list', path: 'list.json', says: /list\.json:1: not JSON at 1:1: "{" was expected$/},
    {what: 'a trailing comma', path: 'comma.json', says: /comma\.json:1: not JSON at 1:15: a key in double quotes was expected$/},
    {what: 'a number with a leading zero', path: 'zero.json', says: /zero\.json:1: not JSON at 1:11: a value was expected$/},
  ])('$what', ({path: file, says}) => {
    const cwd = folder({
      'sub/x': '',
      'empty.json': '',
      'broken.json': '{"Debug": true,\n "RejectHostnameResolvePattern"\n "hunter2"}',
      'comment.json': '{\n // hunter2\n "Debug": true}',
      'open.json': '{"MySQLTopologyPassword": "hunter2\n}',
      'list.json': '["hunter2"]',
      'comma.json': '{"Debug":true,}',
      'zero.json': '{"Debug": 01}',
    });
    const error = thrown(() => loadConfig({path: file, env: {}, cwd}));
    expect(error).toMatchObject({code: 'CONFIG_UNREADABLE', message: matching(says), hint: anyText()});
    expect(String(error)).not.toContain('hunter2');
  });

  test('a default file that exists and cannot be read is an error, not a missing file', () => {
    const cwd = folder({});
    symlinkSync('o.json', path.join(cwd, 'o.json'));
    expect(thrown(() => loadConfig({env: {}, cwd, files: ['o.json']}))).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: matching(/o\.json: the configuration file cannot be read \(ELOOP\)$/),
    });
  });

  test('a default file that is a folder is an error too', () => {
    expect(thrown(() => loadConfig({env: {}, cwd: folder({'o.json/x': ''}), files: ['o.json']}))).toMatchObject({
      code: 'CONFIG_UNREADABLE',
    });
  });

  test('only the first JSON value counts, and a byte order mark does not matter', () => {
    const cwd = folder({
      'o.json': `\uFEFF${JSON.stringify({...QUIET, RejectHostnameResolvePattern: 'one'})}\n{"RejectHostnameResolvePattern": "two"}`,
    });
    const {config, notices} = loadConfig({path: 'o.json', env: {}, cwd});
    expect(config.RejectHostnameResolvePattern).toBe('one');
    expect(notices).toMatchObject([{code: 'suspicious', line: 2, sentence: containing('first JSON object')}]);
  });
});

describe('types', () => {
  const WRONG = {
    bool: [1, 'true', []],
    int: ['1', 1.5, true, 1e30],
    uint: ['1', -1, 0.5],
    text: [1, false, {}],
    list: ['a', [1], [['a']], {}],
    map: ['a', ['a'], {a: 1}],
    objects: ['a', ['a'], {}],
  };

  test.each(KEY_NAMES.flatMap((key) => WRONG[KEYS[key].type].map((value) => ({key, value: value as unknown}))))(
    '$key: $value is an error',
    ({key, value}) => {
      const error = thrown(() => load({[key]: value}));
      expect(error).toMatchObject({code: 'CONFIG_INVALID'});
      expect(String(error)).toMatch(new RegExp(`o\\.json:\\d+: ${key} must be .*, found `));
    },
  );

  test.each([
    {key: 'Debug', value: 'yes', says: 'Debug must be true or false, found the text "yes"'},
    {key: 'InstancePollSeconds', value: -5, says: 'InstancePollSeconds must be a whole number from 0 up, found the number -5'},
    {key: 'DiscoverySeeds', value: ['a', 7], says: 'DiscoverySeeds must be a list of texts, found a list with a number in it'},
    {key: 'ClusterNameToAlias', value: {a: null}, says: 'ClusterNameToAlias must be an object of texts, found an object with null in it'},
    {
      key: 'RejectHostnameResolvePattern',
      value: {password: 'hunter2'},
      says: 'RejectHostnameResolvePattern must be a text, found an object',
    },
    {
      key: 'InstancePollSeconds',
      value: 'x'.repeat(99),
      says: `InstancePollSeconds must be a whole number from 0 up, found the text "${'x'.repeat(35)}…"`,
    },
    {key: 'MySQLTopologyPassword', value: 12345, says: 'MySQLTopologyPassword must be a text, found a number'},
  ])('$says', ({key, value, says}) => {
    const error = thrown(() => load({[key]: value}));
    expect(error).toMatchObject({message: matching(/o\.json:\d+: /)});
    expect((error as Error).message.endsWith(`: ${says}`)).toBe(true);
  });

  test('every key takes a value of its type, and null leaves it as it was', () => {
    const HOOK = {Lists: ['PostFailoverProcesses'], URL: 'http://127.0.0.1/'};
    const RIGHT = {bool: true, int: 7, uint: 7, text: 'some', list: ['some'], map: {some: 'thing'}, objects: [HOOK]};
    const all = Object.fromEntries(KEY_NAMES.map((key) => [key, RIGHT[KEYS[key].type]]));
    expect(check(all).filter(({sentence}) => / must be .*, found (the|an?) (text|number|boolean|list|object)/.test(sentence))).toEqual([]);
    const none = Object.fromEntries(KEY_NAMES.map((key) => [key, null]));
    const cwd = folder({'o.json': QUIET, 'none.json': none});
    const one = loadConfig({env: {}, cwd, files: ['o.json']});
    const both = loadConfig({env: {}, cwd, files: ['o.json', 'none.json']});
    expect(both.config).toEqual(one.config);
  });

  test('several errors are counted, and checked all at once', () => {
    const wrong = {Debug: 1, ReadOnly: 1, UseSSL: 1};
    expect(thrown(() => load(wrong))).toMatchObject({
      message: matching(/: Debug must .*\(and 2 more; `orchestrator config check` lists all\)$/),
    });
    expect(check(wrong).map(({key, level}) => `${key} ${level}`)).toEqual(['Debug error', 'ReadOnly error', 'UseSSL error']);
  });
});

describe('keys nobody reads', () => {
  test.each([
    {key: 'MySQLTopologyPasword', hint: 'did you mean MySQLTopologyPassword?'},
    {key: 'recovermasterclusterfilter', hint: 'did you mean RecoverMasterClusterFilters?'},
    {key: 'PollSeconds', hint: 'remove it'},
    {key: 'Nonsense', hint: 'remove it'},
  ])('$key: $hint', ({key, hint}) => {
    const {notices} = load({[key]: 'hunter2'});
    expect(notices).toMatchObject([{code: 'unknown', level: 'warning', key, line: 5, sentence: `${key} is not a configuration key`, hint}]);
    expect(JSON.stringify(notices)).not.toContain('hunter2');
  });

  test.each(OBSOLETE_KEYS.map((key) => ({key})))('$key is obsolete, in any letter case', ({key}) => {
    expect(load({[key.toUpperCase()]: {any: 'thing'}}).notices).toMatchObject([{code: 'obsolete', level: 'warning'}]);
  });

  test('remarks are let alone', () => {
    expect(load({$schema: 'x', _why: 1, '#note': 2, '//': 3}).notices).toEqual([]);
  });

  test('a key written twice is said to be', () => {
    const {config, notices} = load({RejectHostnameResolvePattern: 'a', rejectHostnameResolvePattern: 'b'});
    expect(config.RejectHostnameResolvePattern).toBe('b');
    expect(notices).toMatchObject([
      {code: 'suspicious', line: 6, sentence: 'RejectHostnameResolvePattern is written more than once; the last one counts'},
    ]);
  });

  test('keys of what is not supported have no effect', () => {
    expect(
      load({ServeAgentsHttp: true, OAuthClientId: 'x', RaftNodes: ['a'], AgentPollMinutes: 60})
        .notices.map((one) => one.sentence)
        .sort(),
    ).toEqual([
      'OAuthClientId has no effect',
      'RaftNodes has no effect: raft is not supported',
      'ServeAgentsHttp has no effect: agents are not supported',
    ]);
  });
});

describe('credentials files', () => {
  const loaded = (ini: string, keys: object = {}) =>
    loadConfig({
      path: 'o.json',
      env: {SECRET: 'from-env'},
      cwd: folder({
        'o.json': {...QUIET, MySQLTopologyUser: 'old', MySQLTopologyPassword: 'old', MySQLTopologyCredentialsConfigFile: 'c.cnf', ...keys},
        'c.cnf': ini,
      }),
    });

  test.each([
    {ini: '[client]\nuser=me\npassword=pw', user: 'me', password: 'pw'},
    {ini: '# remark\n; another\n[Client] # yes\r\n  USER = me ; who\r\n  PassWord = "p#;w " # trailing', user: 'me', password: 'p#;w '},
    {ini: '[client]\npassword = "a\\"b\\\\c\\td"', user: '', password: 'a"b\\c\td'},
    {ini: '[client]\nuser = two words  \npassword =', user: 'two words', password: ''},
    {ini: '[client]\nuser=me\npassword=${SECRET}', user: 'me', password: 'from-env'},
    {ini: '', user: '', password: ''},
  ])('$ini', ({ini, user, password}) => {
    expect(loaded(ini).config).toMatchObject({MySQLTopologyUser: user, MySQLTopologyPassword: password});
  });

  test.each([
    {ini: '[client]\nuser=me\nhost=db', says: /c\.cnf:3: `user = …` or `password = …` was expected$/},
    {ini: '[client]\nuser=me\n[mysqld]\nport=1', says: /c\.cnf:3: \[client\] is the only section that belongs here, found \[mysqld\]$/},
    {ini: 'user=me', says: /c\.cnf:1: \[client\] was expected before the first key$/},
    {ini: '[client]\npassword="hunter2', says: /c\.cnf:2: the value of password has an unknown escape or a quote that is not closed$/},
    {ini: '[client]\npassword=hunter2\\q', says: /c\.cnf:2: the value of password has an unknown escape/},
    {ini: '[client]\nhunter2', says: /c\.cnf:2: /},
  ])('$ini is an error', ({ini, says}) => {
    const error = thrown(() => loaded(ini));
    expect(error).toMatchObject({code: 'CONFIG_UNREADABLE', message: matching(says)});
    expect(String(error)).not.toContain('hunter2');
  });

  test('a missing one is an error that names key and file', () => {
    const error = thrown(() => loaded('', {MySQLTopologyCredentialsConfigFile: '/nonexistent/c.cnf'}));
    expect(error).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: matching(/o\.json:\d+: MySQLTopologyCredentialsConfigFile names \/nonexistent\/c\.cnf, which does not exist$/),
    });
  });

  test('the backend has its own', () => {
    const {config} = loaded('[client]\nuser=me\npassword=pw', {
      MySQLOrchestratorCredentialsConfigFile: 'c.cnf',
      MySQLTopologyCredentialsConfigFile: '',
    });
    expect(config).toMatchObject({
      MySQLOrchestratorUser: 'me',
      MySQLOrchestratorPassword: 'pw',
      MySQLTopologyUser: 'old',
      MySQLTopologyPassword: 'old',
    });
  });
});

describe('passwords from the environment', () => {
  const env = {PW: 'p1', NESTED: '${PW}', 'PW} and ${X': 'odd'};

  test.each([
    {written: '${PW}', password: 'p1'},
    {written: 'before${PW}after', password: 'p1'},
    {written: '${PW} and ${X}', password: 'odd'},
    {written: '$PW', password: '$PW'},
    {written: '${NESTED}', password: '${PW}'},
    {written: '${ABSENT}', password: ''},
  ])('$written', ({written, password}) => {
    const cwd = folder({
      'o.json': {...QUIET, MySQLTopologyPassword: written, MySQLOrchestratorPassword: written, HTTPAuthPassword: written},
      'p.json': {Debug: true},
    });
    const {config} = loadConfig({env, cwd, files: ['o.json', 'p.json']});
    expect(config).toMatchObject({MySQLTopologyPassword: password, MySQLOrchestratorPassword: password, HTTPAuthPassword: written});
  });

  test('a variable that is not set is said to be', () => {
    expect(load({MySQLTopologyPassword: '${ABSENT}'}, {env}).notices).toMatchObject([
      {
        code: 'suspicious',
        key: 'MySQLTopologyPassword',
        sentence: 'MySQLTopologyPassword names the environment variable ABSENT, which is not set; the password is empty',
      },
    ]);
    expect(JSON.stringify(load({MySQLTopologyPassword: 'hun${te r2}'}, {env}).notices)).not.toContain('te r2');
  });
});

test('checking throws nothing, and says what loading would end with', () => {
  expect(checkConfig({path: '/nonexistent.json', env: {}})).toMatchObject([
    {code: 'CONFIG_UNREADABLE', level: 'error', file: '/nonexistent.json'},
  ]);
});
