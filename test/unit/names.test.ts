import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest';
import {OrchestratorError} from '../../src/lib/errors/errors.ts';
import {spelled, systemDns, type Addresses, type Dns} from '../../src/lib/names/dns.ts';
import {HostNames, type HostNamesOptions, type NameMemory} from '../../src/lib/names/host-names.ts';
import {parseSearchDomains} from '../../src/lib/names/search-domains.ts';
import {unresolve, type UnresolveOptions} from '../../src/lib/names/unresolve.ts';
import {dnsServer, type DnsServer} from './support/dns-server.ts';
import {matching} from './support/expecting.ts';

const MINUTE = 60_000;

describe('DNS', () => {
  let server: DnsServer;
  beforeAll(async () => {
    server = await dnsServer({
      'db.example.com': {alias: 'db-1.example.com'},
      'db-1.example.com': {alias: 'host7.dc1.example.com'},
      'host7.dc1.example.com': 'plain',
      'dangling.example.com': {alias: 'gone.example.com'},
      'ring.example.com': {alias: 'ring2.example.com'},
      'ring2.example.com': {alias: 'ring.example.com'},
      'silent.example.com': 'silent',
      'broken.example.com': 'broken',
      'short.corp.example.com': {alias: 'host7.dc1.example.com'},
    });
  });
  afterAll(() => server.close());
  const dns = (more: {search?: string[]; timeout?: number} = {}): Dns =>
    systemDns({servers: [server.address], timeout: 600, search: [], ...more});

  test.each([
    {host: 'db.example.com', name: 'host7.dc1.example.com'},
    {host: 'host7.dc1.example.com', name: 'host7.dc1.example.com'},
    {host: 'dangling.example.com', name: 'gone.example.com'},
    {host: 'short', name: 'host7.dc1.example.com'},
    {host: 'localhost', name: 'localhost'}, // only /etc/hosts knows it
    {host: '10.0.0.1', name: '10.0.0.1'},
    {host: 'fe80::1', name: 'fe80::1'},
  ])('$host stands for $name', async ({host, name}) => {
    expect(await dns({search: ['nowhere.example.com', 'corp.example.com']}).canonicalName(host)).toBe(name);
  });

  test.each([
    {host: 'ring.example.com', why: /its aliases go round in circles/},
    {host: 'broken.example.com', why: /ESERVFAIL/},
    {host: 'silent.example.com', why: /no answer within|ETIMEOUT/},
  ])('$host cannot be resolved, and that is known in time', async ({host, why}) => {
    const began = performance.now();
    await expect(dns().canonicalName(host)).rejects.toMatchObject({code: 'NOT_FOUND', message: matching(why), hint: matching(/./)});
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test.each([
    {host: 'localhost', addresses: {ipv4: '127.0.0.1'}},
    {host: '127.0.0.1', addresses: {ipv4: '127.0.0.1', ipv6: ''}},
    {host: '::1', addresses: {ipv4: '', ipv6: '::1'}},
  ])('addresses of $host', async ({host, addresses}) => {
    expect(await dns().addresses(host)).toMatchObject(addresses);
  });

  test('a host without any address is an error', async () => {
    await expect(dns().addresses('-.invalid')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: matching(/^host -\.invalid cannot be resolved: /),
    });
  });

  test.each([
    {text: 'search a.example b.example\nnameserver 10.0.0.1', domains: ['a.example', 'b.example']},
    {text: 'search a.example\ndomain c.example\n', domains: ['c.example']},
    {text: '# search x\nsearch .', domains: []},
    {text: '', domains: []},
  ])('search domains of $text', ({text, domains}) => {
    expect(parseSearchDomains(text)).toEqual(domains);
  });

  test.each([
    ['FE80:0:0::0001', 'fe80::1'],
    ['[::1]', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['10.0.0.1', '10.0.0.1'],
    ['DB1.example.com', 'DB1.example.com'],
  ])('%s is spelled %s', (host, canonical) => {
    expect(spelled(host)).toBe(canonical);
  });
});

interface World {
  readonly names: HostNames;
  readonly rows: Map<string, string>;
  readonly addresses: Map<string, Addresses>;
  /** Questions to DNS and to the backend, in order. */
  readonly asked: string[];
  readonly problems: string[];
  /** Lets time pass. */
  readonly pass: (milliseconds: number) => void;
}

interface Given {
  readonly method: string;
  readonly reject?: string;
  readonly rows?: Readonly<Record<string, string>>;
  readonly dns?: Readonly<Record<string, string>>;
  readonly backendDown?: boolean;
}

function world({method, reject = '', rows = {}, dns = {}, backendDown = false}: Given): World {
  const stored = new Map(Object.entries(rows));
  const addresses = new Map<string, Addresses>();
  const asked: string[] = [];
  const problems: string[] = [];
  let time = 1000;
  const backend = <Answer>(question: string, answer: () => Answer): Promise<Answer> => {
    asked.push(question);
    return backendDown ? Promise.reject(new OrchestratorError('BACKEND_UNREACHABLE', 'backend is away')) : Promise.resolve(answer());
  };
  const memory: NameMemory = {
    allResolved: () => backend('all', () => new Map(stored)),
    resolved: (host) => backend(`row ${host}`, () => stored.get(host) ?? null),
    saveResolved: (host, resolved) => backend(`save ${host}`, () => void stored.set(host, resolved)),
    saveAddresses: (host, found) => backend(`save addresses ${host}`, () => void addresses.set(host, found)),
  };
  const answer = (host: string): Promise<string> => {
    asked.push(`dns ${host}`);
    const found = dns[host];
    return found === undefined
      ? Promise.reject(new OrchestratorError('NOT_FOUND', `host ${host} cannot be resolved`))
      : Promise.resolve(found);
  };
  const lookup: Dns = {
    canonicalName: answer,
    addresses: async (host) => {
      const [ipv4 = '', ipv6 = ''] = (await answer(host)).split(' ');
      return {ipv4, ipv6};
    },
  };
  const config = {HostnameResolveMethod: method, RejectHostnameResolvePattern: reject, ExpiryHostnameResolvesMinutes: 60};
  const options: HostNamesOptions = {config, dns: lookup, memory, now: () => time, onProblem: (sentence) => problems.push(sentence)};
  return {names: new HostNames(options), rows: stored, addresses, asked, problems, pass: (milliseconds) => void (time += milliseconds)};
}

describe('resolving', () => {
  test.each([
    {method: 'none', host: 'db', dns: {db: 'x'}, resolved: 'db', asked: []},
    {method: 'none', host: 'db', rows: {db: 'other'}, resolved: 'db', asked: []},
    {method: 'default', host: 'db', dns: {db: 'x'}, resolved: 'db', asked: ['row db', 'save db']},
    {method: 'default', host: '10.0.0.1', rows: {'10.0.0.1': 'db1'}, resolved: 'db1', asked: ['row 10.0.0.1']},
    {method: 'whatever', host: 'db', dns: {db: 'x'}, resolved: 'db', asked: ['row db', 'save db']},
    {method: 'CNAME', host: 'db', dns: {db: 'host7.example.com'}, resolved: 'host7.example.com', asked: ['row db', 'dns db', 'save db']},
    {method: 'cname', host: ' db ', rows: {db: 'stored'}, resolved: 'stored', asked: ['row db']},
    {method: 'cname', host: '10.0.0.1', resolved: '10.0.0.1', asked: ['row 10.0.0.1', 'save 10.0.0.1']},
    {method: 'ip', host: 'db', dns: {db: '10.0.0.1 ::1'}, resolved: '10.0.0.1', asked: ['row db', 'dns db', 'save db']},
    {method: 'ip', host: 'db', dns: {db: ' ::1'}, resolved: '::1', asked: ['row db', 'dns db', 'save db']},
    {method: 'ip', host: '[FE80:0::1]', resolved: 'fe80::1', asked: ['row fe80::1', 'save fe80::1']},
    {method: 'cname', host: '//db', dns: {db: 'x'}, resolved: '//db', asked: []},
    {method: 'cname', host: 'gone', resolved: 'gone', asked: ['row gone', 'dns gone']},
  ])('$method: $host is $resolved', async ({host, resolved, asked, ...given}) => {
    const {names, asked: seen} = world(given);
    expect(await names.resolve(host)).toBe(resolved);
    expect(await names.resolve(host)).toBe(resolved);
    expect(seen).toEqual(asked); // the second time from memory
  });

  test.each(['', '  ', 'a,b'])('%j is not a host', async (host) => {
    await expect(world({method: 'default'}).names.resolve(host)).rejects.toMatchObject({code: 'INPUT_INVALID'});
  });

  test('what is resolved is written to the backend and forgotten after its time', async () => {
    const {names, rows, asked, pass} = world({method: 'cname', dns: {db: 'host7'}});
    await names.load();
    await names.resolve('db');
    expect(rows).toEqual(new Map([['db', 'host7']]));
    pass(60 * MINUTE - 1);
    await names.resolve('db');
    pass(1);
    await names.resolve('db');
    expect(asked).toEqual(['all', 'dns db', 'save db', 'dns db', 'save db']);
  });

  test('a host that cannot be resolved is tried again after a minute, and said', async () => {
    const {names, asked, problems, pass} = world({method: 'cname'});
    await names.load();
    await names.resolve('gone');
    pass(MINUTE - 1);
    await names.resolve('gone');
    pass(1);
    await names.resolve('gone');
    expect(asked).toEqual(['all', 'dns gone', 'dns gone']);
    expect(problems).toEqual(['host gone cannot be resolved', 'host gone cannot be resolved']);
  });

  test('a resolved name that is to be rejected is neither used nor remembered', async () => {
    const {names, rows, asked} = world({method: 'cname', reject: '^bad[0-9]', dns: {db: 'bad7.example.com'}});
    await names.load();
    expect([await names.resolve('db'), await names.resolve('db')]).toEqual(['db', 'db']);
    expect(asked).toEqual(['all', 'dns db', 'dns db']);
    expect(rows.size).toBe(0);
  });

  test('an expression that does not compile rejects nothing', async () => {
    expect(await world({method: 'cname', reject: '[', dns: {db: '[x'}}).names.resolve('db')).toBe('[x');
  });

  test('a service takes over what the backend remembers', async () => {
    const {names, asked} = world({method: 'cname', rows: {db: 'host7'}, dns: {db: 'host8'}});
    await names.load();
    expect(await names.resolve('db')).toBe('host7');
    expect(asked).toEqual(['all']);
  });

  test('what a server calls itself outlives what was typed', async () => {
    const {names, rows, pass} = world({method: 'default'});
    await names.load();
    await names.resolve('10.0.0.1');
    await names.learn('10.0.0.1', 'db1');
    expect(await names.resolve('10.0.0.1')).toBe('db1');
    pass(61 * MINUTE);
    expect(await names.resolve('10.0.0.1')).toBe('db1'); // from the backend, not undone
    expect(rows).toEqual(new Map([['10.0.0.1', 'db1']]));
  });

  test('learning the same again writes nothing, and with method none nothing ever', async () => {
    const some = world({method: 'default'});
    await some.names.learn('a', 'b');
    await some.names.learn('a', 'b');
    await some.names.learn('a', '');
    expect(some.asked).toEqual(['save a']);
    const none = world({method: 'none'});
    await none.names.learn('a', 'b');
    expect([await none.names.resolve('a'), none.asked]).toEqual(['b', []]);
  });

  test('a backend that is away is said, and names are resolved nevertheless', async () => {
    const {names, problems} = world({method: 'cname', dns: {db: 'host7'}, backendDown: true});
    expect(await names.resolve('db')).toBe('host7');
    expect(problems).toEqual([matching(/resolved name of db.*: backend is away/), matching(/db is host7.*: backend is away/)]);
  });

  test('many who ask for the same host at once ask once', async () => {
    const {names, asked} = world({method: 'cname', dns: {db: 'host7'}});
    expect(await Promise.all(Array.from({length: 50}, () => names.resolve('db')))).toEqual(Array.from({length: 50}, () => 'host7'));
    expect(asked).toEqual(['row db', 'dns db', 'save db']);
  });

  test('what is remembered can be listed, and forgotten', async () => {
    const {names, pass} = world({method: 'cname', dns: {b: 'x', a: 'y'}});
    await names.resolve('b');
    pass(MINUTE);
    await names.resolve('a');
    await names.resolve('gone');
    expect(names.remembered()).toEqual([
      {host: 'a', resolved: 'y', expiresIn: 60 * MINUTE},
      {host: 'b', resolved: 'x', expiresIn: 59 * MINUTE},
      {host: 'gone', resolved: 'gone', expiresIn: MINUTE},
    ]);
    pass(2 * MINUTE);
    expect(names.remembered()).toHaveLength(2);
    names.reset();
    expect(names.remembered()).toEqual([]);
  });
});

describe('addresses', () => {
  test('are looked up every ten minutes, and written to the backend', async () => {
    const {names, addresses, asked, pass} = world({method: 'none', dns: {db: '10.0.0.1 ::1'}});
    const found = {ipv4: '10.0.0.1', ipv6: '::1'};
    expect(await names.addresses('db')).toEqual(found);
    pass(10 * MINUTE - 1);
    await names.addresses('db');
    expect(addresses).toEqual(new Map([['db', found]]));
    expect(asked).toEqual(['dns db', 'save addresses db']);
    pass(1);
    await names.addresses('db');
    expect(asked).toHaveLength(4);
  });

  test('of a host that cannot be resolved are empty, said, and tried again after a minute', async () => {
    const {names, asked, problems, pass} = world({method: 'none'});
    expect(await names.addresses('gone')).toEqual({ipv4: '', ipv6: ''});
    await names.addresses('gone');
    pass(MINUTE);
    await names.addresses('gone');
    expect([asked, problems.length]).toEqual([['dns gone', 'dns gone'], 2]);
  });

  test('of a detached host are none', async () => {
    const {names, asked} = world({method: 'none', dns: {'//db': 'x'}});
    expect([await names.addresses('//db'), asked]).toEqual([{ipv4: '', ipv6: ''}, []]);
  });
});

describe('unresolving', () => {
  const key = {host: 'db1', port: 3306};
  const virtual = {host: 'vip', port: 3306};
  const given = (more: Partial<UnresolveOptions> = {}, there = key, isBinlogServer = false): UnresolveOptions => ({
    registered: (host) => Promise.resolve(host === 'db1' ? 'vip' : null),
    whoIs: (asked) =>
      asked.host === 'vip' ? Promise.resolve({key: there, isBinlogServer}) : Promise.reject(new Error(`asked for ${asked.host}`)),
    trustBinlogServers: false,
    ...more,
  });
  const other = {host: 'db2', port: 3306};

  test.each([
    {what: 'leads back', options: given(), is: virtual},
    {what: 'leads back to another port', options: given({}, {host: 'db1', port: 3307}), is: 'REFUSED'},
    {what: 'leads elsewhere', options: given({}, other), is: 'REFUSED'},
    {what: 'leads elsewhere, unchecked', options: given({skipCheck: true}, other), is: key},
    {what: 'is not wanted', options: given({skip: true}), is: key},
    {what: 'is the name itself', options: given({registered: () => Promise.resolve('db1')}), is: key},
    {what: 'is not registered', options: given({registered: () => Promise.resolve(null)}), is: key},
    {what: 'leads to a trusted binlog server', options: given({trustBinlogServers: true}, other, true), is: virtual},
    {what: 'leads elsewhere where binlog servers are trusted', options: given({trustBinlogServers: true}, other), is: 'REFUSED'},
    {what: 'leads to a binlog server', options: given({}, other, true), is: 'REFUSED'},
  ])('a virtual name that $what: $is', async ({options, is}) => {
    const answer = unresolve(key, options).catch((error: unknown) => (error instanceof OrchestratorError ? error.code : error));
    expect(await answer).toEqual(is);
  });

  test('the refusal names all three', async () => {
    await expect(unresolve(key, given({}, other))).rejects.toMatchObject({
      message: 'vip:3306, the virtual name of db1:3306, leads to db2:3306',
    });
  });
});

test('the name server of these tests says nothing to whom nobody answers', async () => {
  const server = await dnsServer({'a.example.com': 'silent', 'b.example.com': 'plain'});
  onTestFinished(() => server.close());
  const dns = systemDns({servers: [server.address], timeout: 200, search: []});
  await expect(dns.canonicalName('a.example.com')).rejects.toMatchObject({code: 'NOT_FOUND'});
  expect(await dns.canonicalName('b.example.com')).toBe('b.example.com');
  expect(server.asked).toContain('a.example.com');
});
