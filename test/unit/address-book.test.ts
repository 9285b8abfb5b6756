import {once} from 'node:events';
import {connect, createServer, type LookupFunction} from 'node:net';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import {AddressBook, type AddressBookOptions} from '../../src/lib/names/address-book.ts';
import {addressesIn, nameServers, type Address} from '../../src/lib/names/name-servers.ts';
import {createServers} from '../../src/lib/servers/create-servers.ts';
import {classifyFailure} from '../../src/lib/servers/failure.ts';
import {dnsServer, type DnsServer} from './support/dns-server.ts';
import {matching} from './support/expecting.ts';

/** As the system answers; null: not at all. */
type Answer = string | {readonly code: string} | null;

const four = (address: string): readonly Address[] => [{address, family: 4}];
const failing = (code: string): Error => Object.assign(new Error(code), {code});
const nobody = (): Promise<readonly Address[]> => Promise.resolve([]);
/** Longer than a test may take: what has to be awaited that long fails the test. */
const FOREVER = 600_000;

/** A system whose answers can be changed, and a book that asks it. */
function world(answers: Record<string, Answer>, options: Omit<AddressBookOptions, 'system'> = {}) {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const system = (host: string): Promise<readonly Address[]> => {
    asked.push(host);
    const answer = answers[host];
    if (answer === null) return new Promise((_, reject) => waiting.push(() => reject(failing('EAI_AGAIN'))));
    return typeof answer === 'string' ? Promise.resolve(four(answer)) : Promise.reject(failing(answer?.code ?? 'ENOTFOUND'));
  };
  const book = new AddressBook({system, direct: nobody, patience: 20, ...options});
  return {book, answers, asked, giveUp: () => waiting.splice(0).forEach((end) => end())};
}

describe('an answer in time counts', () => {
  test('each connection asks anew, and follows a host that moved', async () => {
    const {book, answers, asked} = world({db: '10.0.0.1'}, {patience: FOREVER});
    expect(await book.find('db')).toEqual(four('10.0.0.1'));
    answers['db'] = '10.0.0.2';
    expect(await book.find('db')).toEqual(four('10.0.0.2'));
    expect(asked).toEqual(['db', 'db']);
  });

  test('also one that a host is no more', async () => {
    const {book, answers} = world({db: '10.0.0.1'}, {patience: FOREVER});
    await book.find('db');
    answers['db'] = {code: 'ENOTFOUND'};
    await expect(book.find('db')).rejects.toMatchObject({code: 'ENOTFOUND'});
    answers['db'] = {code: 'EAI_AGAIN'}; // what it was before is not known any more
    await expect(book.find('db')).rejects.toMatchObject({code: 'EAI_AGAIN'});
  });

  test('those who ask at the same time share one question', async () => {
    const {book, asked} = world({db: '10.0.0.1'}, {patience: FOREVER});
    await Promise.all([book.find('db'), book.find('db')]);
    expect(asked).toEqual(['db']);
  });
});

describe('without an answer in time', () => {
  test.each([{answer: null}, {answer: {code: 'EAI_AGAIN'}}])('$answer: the last one counts', async ({answer}) => {
    const {book, answers} = world({db: '10.0.0.1'});
    expect(await book.find('db')).toEqual(four('10.0.0.1'));
    answers['db'] = answer;
    expect(await book.find('db')).toEqual(four('10.0.0.1'));
  });

  test('one that comes later counts for the next connection', async () => {
    const late: ((found: readonly Address[]) => void)[] = [];
    const system = (): Promise<readonly Address[]> => new Promise((resolve) => late.push(resolve));
    const book = new AddressBook({system, direct: nobody, patience: 20});
    const first = book.find('db');
    await expect.poll(() => late.length).toBe(1);
    late[0]?.(four('10.0.0.1'));
    expect(await first).toEqual(four('10.0.0.1'));
    expect(await book.find('db')).toEqual(four('10.0.0.1'));
    await expect.poll(() => late.length).toBe(2);
    late[1]?.(four('10.0.0.2'));
    expect(await book.find('db')).toEqual(four('10.0.0.2'));
  });

  test('names that nobody answers delay no others: those are asked for without the system', async () => {
    const direct = (host: string): Promise<readonly Address[]> => (host === 'live' ? Promise.resolve(four('10.0.0.7')) : nobody());
    const {book, asked, giveUp} = world({dead: null, worse: null, live: '10.0.0.7'}, {direct});
    const dead = [book.find('dead'), book.find('worse')];
    for (const one of dead) one.catch(() => undefined);
    expect(await book.find('live')).toEqual(four('10.0.0.7'));
    expect(asked).toEqual(['dead']); // one question at a time holds a thread
    giveUp();
    await expect(dead[0]).rejects.toMatchObject({code: 'EAI_AGAIN'});
    await expect.poll(() => asked).toEqual(['dead', 'worse']);
    giveUp();
    await expect(dead[1]).rejects.toMatchObject({code: 'EAI_AGAIN'});
  });

  test('a host that moved is found though the system is kept by another', async () => {
    const moved = {at: '10.0.0.1'};
    const {book} = world({dead: null, db: '10.0.0.1'}, {direct: () => Promise.resolve(four(moved.at))});
    await book.find('db');
    void book.find('dead');
    moved.at = '10.0.0.2';
    await expect.poll(() => book.find('db'), {timeout: 30_000}).toEqual(four('10.0.0.2'));
  });
});

describe('for a socket', () => {
  const call = (lookup: LookupFunction, options: Parameters<LookupFunction>[1]): Promise<unknown> =>
    new Promise((resolve) => lookup('db', options, (error, address, family) => resolve(error ? error.code : [address, family])));
  const both: readonly Address[] = [...four('10.0.0.1'), {address: '::1', family: 6}];
  const {lookup} = new AddressBook({system: () => Promise.resolve(both), direct: nobody});

  test.each([
    {options: {all: true}, answer: [both, undefined]},
    {options: {}, answer: ['10.0.0.1', 4]},
    {options: {family: 6}, answer: ['::1', 6]},
    {options: {family: 'IPv6' as const}, answer: ['::1', 6]},
    {options: {family: 5 as 4}, answer: 'ENOTFOUND'},
  ])('as it asks: $options', async ({options, answer}) => {
    expect(await call(lookup, options)).toEqual(answer);
  });

  test('a real one connects to a name that the system does not answer for any more', async () => {
    const listener = createServer((peer) => peer.end('hello')).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const {port} = listener.address() as {port: number};
    const {book, answers} = world({db: '127.0.0.1'});
    for (const answer of ['127.0.0.1', null]) {
      answers['db'] = answer;
      const [bytes] = (await once(connect({host: 'db', port, lookup: book.lookup}), 'data')) as [Buffer];
      expect(bytes.toString()).toBe('hello');
    }
    listener.close();
  });

  test('a server whose name nobody answers for is not silent: nothing is known of it', async () => {
    const {book} = world({db: null});
    const servers = createServers(defaultDraft().values, book);
    const failed = await servers.connect({host: 'db', port: 3306}, {timeout: 100}).catch((error: unknown) => error);
    expect(classifyFailure(failed)).toMatchObject({reach: 'unresolved', message: matching(/no name server told its address in time/)});
  });
});

describe('the way that takes no thread', () => {
  let server: DnsServer;
  beforeAll(async () => {
    server = await dnsServer({
      'db.example.com': {address: '10.0.0.1'},
      'silent.example.com': 'silent',
      'broken.example.com': 'broken',
      'none.example.com': 'plain',
    });
  });
  afterAll(() => server.close());
  const ask = (host: string) => nameServers({servers: [server.address], timeout: 600, search: ['example.com']})(host);

  test.each([
    {host: 'db.example.com', found: four('10.0.0.1')},
    {host: 'db', found: four('10.0.0.1')},
    {host: 'none.example.com', found: []},
    {host: 'gone.example.com', found: []},
  ])('$host', async ({host, found}) => {
    expect(await ask(host)).toEqual(found);
  });

  test('/etc/hosts comes first', async () => {
    expect(await ask('localhost')).toContainEqual({address: '127.0.0.1', family: 4});
    expect(server.asked).not.toContain('localhost');
  });

  test.each(['silent.example.com', 'broken.example.com'])('%s: no answer is not the answer that there is none', async (host) => {
    await expect(ask(host)).rejects.toMatchObject({code: matching(/^E(TIMEOUT|SERVFAIL)$/)});
  });

  test('what hosts(5) lists', () => {
    const hosts = '127.0.0.1 localhost\n# 10.0.0.9 db\n 10.0.0.1\tDB1.example.com db # db2\n2001:DB8::1 db\nfe80::1%eth0 db\n\n10.0.0.3';
    expect(addressesIn(hosts, 'DB')).toEqual([...four('10.0.0.1'), {address: '2001:db8::1', family: 6}]);
    expect(addressesIn(hosts, 'db2')).toEqual([]);
    expect(addressesIn(hosts, '10.0.0.3')).toEqual([]);
  });
});
