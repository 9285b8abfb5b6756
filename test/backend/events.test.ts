import {request, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterAll, beforeAll, beforeEach, describe, expect, test, vi} from 'vitest';
import {analyze} from '../../src/lib/analysis/analyze.ts';
import {observeLease, takeLease} from '../../src/lib/coordination/lease.ts';
import {defaultTiming} from '../../src/lib/coordination/timing.ts';
import type {Lease} from '../../src/lib/coordination/types.ts';
import {Announcer} from '../../src/lib/daemon/announcer.ts';
import type {Topology} from '../../src/lib/model/topology.ts';
import {appendEvents, EVENTS_AT_ONCE, eventRange, purgeEvents, readEvents, type NewEvent} from '../../src/lib/store/events.ts';
import {writeRecoverySteps} from '../../src/lib/store/recovery/plans.ts';
import {broken, down, given, key, type But} from '../unit/support/given.ts';
import {defaults, portsOver, runner, serving} from './support/operations.ts';
import {ageColumn, useStore} from './support/store.ts';

const me = {hostname: 'node1', token: 't'};
const note = (message: string): NewEvent => ({kind: 'recovery-step', cluster: 'a:1', key: key('a'), subject: '', body: {message}});
type Event = Readonly<Record<string, unknown>>;

describe.each(['sqlite', 'mariadb'] as const)('events on a %s backend', (kind) => {
  const store = useStore(kind);
  const add = (...events: readonly NewEvent[]): Promise<void> => store.backend.transaction((work) => appendEvents(work, events));
  const kinds = async (after = 0): Promise<readonly string[]> => {
    const all = await readEvents(store.backend, {after, limit: 100});
    return all.map(({kind: one, key: about, body}) =>
      [one, about?.host ?? '', body['code'] ?? body['change'] ?? body['message'] ?? body['term']].join(' '),
    );
  };

  test('numbers grow without gaps, whoever writes at the same time', async () => {
    await Promise.all(Array.from({length: 8}, (_, at) => add(note(`${at} first`), note(`${at} second`))));
    const all = await readEvents(store.backend, {after: 0, limit: 100});
    expect(all.map(({id}) => id)).toEqual(Array.from({length: 16}, (_, at) => at + 1));
    expect(await eventRange(store.backend)).toEqual({purged: 0, latest: 16});
    const answer = await runner(portsOver(store.backend, defaults))('events', {after: '14'});
    expect(answer.lines()).toEqual([
      expect.stringMatching(/^15\t.*\trecovery-step\ta:1\ta:3306\tmessage=\d first$/),
      expect.stringMatching(/^16\t/),
    ]);
  });

  test('old ones are forgotten, but for findings that are open; it is known up to where', async () => {
    const finding = {cluster: 'a:1', key: key('a'), subject: 'a:3306 DeadMaster', body: {code: 'DeadMaster'}};
    await add({kind: 'finding-opened', ...finding}, note('one'), note('two'));
    await ageColumn(store.backend, 'topology_event', 'created_at', 86_400 + 60);
    await add(note('three'));
    expect(await purgeEvents(store.backend, 86_400)).toBe(2);
    expect(await eventRange(store.backend)).toEqual({purged: 3, latest: 4});
    expect(await kinds()).toEqual(['finding-opened a DeadMaster', 'recovery-step a three']);
    await add({kind: 'finding-closed', ...finding});
    expect(await purgeEvents(store.backend, 86_400)).toBe(1);
  });

  describe('the leader announces', () => {
    let lease: Lease;
    let topology: Topology;
    let fresh = true;
    const announcer = (): Announcer =>
      new Announcer({backend: store.backend, lease: () => lease, topology: () => topology, isFresh: () => fresh});
    const round = async (by: Announcer, sketch: string, buts: Record<string, But> = {}): Promise<readonly string[]> => {
      const {latest} = await eventRange(store.backend);
      topology = given(sketch, buts);
      by.note(analyze(topology, {...defaults, withDowntimed: true, withHealthy: true}));
      await by.round();
      return kinds(latest);
    };

    beforeEach(async () => {
      fresh = true;
      topology = given('a: b c');
      const seen = await observeLease(store.backend, undefined, defaultTiming);
      const taken = await takeLease(store.backend, me, {seen, timing: defaultTiming});
      if (taken === null) throw new Error('nobody else is there to lead');
      lease = taken;
    });

    test('itself once, then what changes, and nothing twice', async () => {
      const it = announcer();
      expect(await round(it, 'a: b c')).toEqual([`leader-changed  ${lease.term}`]);
      expect(await round(it, 'a: b c')).toEqual([]);
      expect(await round(it, 'a: b; b: c', {b: {readOnly: false}})).toEqual(['topology-changed b opened', 'topology-changed c moved']);
      expect(await round(it, 'a: b d', {b: {readOnly: false}})).toEqual(['topology-changed c forgotten', 'topology-changed d appeared']);
    });

    test('findings when they are opened and closed, also by the next leader', async () => {
      const it = announcer();
      const dead = {a: down, b: broken, c: broken};
      fresh = false; // read from the backend and not probed yet: nothing to tell
      expect(await round(it, 'a: b c', dead)).toEqual([`leader-changed  ${lease.term}`]);
      fresh = true;
      const opened = await round(it, 'a: b c', dead);
      expect(opened).toContain('finding-opened a DeadMaster');
      expect(await round(it, 'a: b c', dead)).toEqual([]);
      const next = announcer();
      expect(await round(next, 'a: b c', dead)).toEqual([`leader-changed  ${lease.term}`]);
      fresh = false; // not probed in this term: nothing newer is known
      expect(await round(next, 'a: b c')).toEqual([]);
      fresh = true;
      expect(await round(next, 'a: b c')).toContain('finding-closed a DeadMaster');
      expect(await round(next, 'a: b c')).toEqual([]);
    });

    test('steps of recoveries, whoever runs them', async () => {
      const it = announcer();
      await round(it, 'a: b c');
      await store.backend.transaction((work) => writeRecoverySteps(work, '1:aa', ['it began', 'it ended']));
      expect(await round(it, 'a: b c')).toEqual(['recovery-step  it began', 'recovery-step  it ended']);
      expect(await round(it, 'a: b c')).toEqual([]);
      expect(await round(announcer(), 'a: b c')).toEqual([`leader-changed  ${lease.term}`]);
    });

    test('more than fits into one short transaction, each once and in their order, also where one of several fails', async () => {
      const it = announcer();
      await round(it, 'a: b c');
      const {latest} = await eventRange(store.backend);
      const lines = Array.from({length: 2 * EVENTS_AT_ONCE + 1}, (_, at) => `line ${at}`);
      await store.backend.transaction((work) => writeRecoverySteps(work, '1:aa', lines));
      const {backend} = store;
      let left = 1;
      const failing = new Announcer({
        backend: {
          ...backend,
          transaction: (work, options) => (left-- > 0 ? backend.transaction(work, options) : Promise.reject(new Error('gone'))),
        },
        lease: () => lease,
        topology: () => topology,
        isFresh: () => true,
      });
      await expect(failing.round()).rejects.toThrow('gone');
      left = 100;
      await failing.round();
      const told = await readEvents(backend, {after: latest, limit: 1000});
      expect(told.filter(({kind: one}) => one === 'recovery-step').map(({body}) => body['message'])).toEqual(lines);
      expect(told.filter(({kind: one}) => one === 'leader-changed')).toHaveLength(1);
    });

    test('nothing when it does not lead any more', async () => {
      const it = announcer();
      const {latest} = await eventRange(store.backend);
      lease = {...lease, term: lease.term - 1};
      await it.round();
      expect(await kinds(latest)).toEqual([]);
    });
  });

  describe('over HTTP', () => {
    let app: Awaited<ReturnType<typeof serving>>;
    let port: number;
    beforeAll(async () => {
      app = await serving({config: {...defaults, URLPrefix: '/o'}, ports: portsOver(store.backend, defaults)});
      await app.listen({host: '127.0.0.1', port: 0});
      port = (app.server.address() as AddressInfo).port;
    });
    afterAll(() => app.close());

    /** Listens until the test has seen what it waits for. */
    async function listen(
      headers: Record<string, string> = {},
      query = '',
    ): Promise<{events: () => readonly Event[]; text: () => string; end: () => void}> {
      let said = '';
      const sent = request({host: '127.0.0.1', port, path: `/o/api/events${query}`, headers});
      const response = await new Promise<IncomingMessage>((resolve, reject) => sent.on('response', resolve).on('error', reject).end());
      sent.on('error', () => undefined);
      response.on('error', () => undefined);
      expect(response.headers['content-type']).toBe('text/event-stream');
      response.setEncoding('utf8').on('data', (text: string) => (said += text));
      const events = (): readonly Event[] => [...said.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json) as Event);
      return {events, text: () => said, end: () => sent.destroy()};
    }
    const until = (check: () => void): Promise<void> => vi.waitFor(check, {timeout: 30_000, interval: 20});

    test('what happens from now on; another listener resumes where it was', async () => {
      await add(note('before'));
      const now = await listen();
      await add(note('one'), note('two'));
      await until(() =>
        expect(now.events()).toMatchObject([{message: 'one'}, {message: 'two', kind: 'recovery-step', instance: {host: 'a'}}]),
      );
      now.end();
      const seen = Number(now.events()[0]?.['id']);
      expect(now.text()).toContain(`id: ${seen}\nevent: recovery-step\n`);
      await add(note('three'));
      const again = await listen({'Last-Event-ID': String(seen)});
      const asked = await listen({}, `?after=${seen + 1}`);
      await until(() => expect(again.events()).toMatchObject([{message: 'two'}, {message: 'three'}]));
      await until(() => expect(asked.events()).toMatchObject([{message: 'three'}]));
      again.end();
      asked.end();
    });

    test('who comes back too late, or from another backend, is told', async () => {
      await add(note('one'), note('two'));
      await ageColumn(store.backend, 'topology_event', 'created_at', 86_400 + 60);
      await purgeEvents(store.backend, 86_400);
      await add(note('three'));
      const {latest} = await eventRange(store.backend);
      const late = await listen({'Last-Event-ID': '1'});
      const ahead = await listen({'Last-Event-ID': String(latest + 1000)});
      await until(() => expect(late.text()).toMatch(/event: missed\n[^]*three/));
      await add(note('four'));
      await until(() => expect(ahead.text()).toMatch(/event: missed\n[^]*four/));
      expect(ahead.text()).not.toContain('three');
      late.end();
      ahead.end();
    });
  });
});
