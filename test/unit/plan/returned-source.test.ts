import {describe, expect, test} from 'vitest';
import {decideReturned, identityOf, type Demotion, type ReturnCase, type ReturnDecision} from '../../../src/lib/plan/returned-source.ts';
import {and, down, given, key, uuid, type But, type Kind} from '../support/given.ts';

/** b took the place of a, and c follows it; a is back, alone, and open unless said otherwise. */
interface Situation {
  readonly a?: But;
  readonly b?: But;
  readonly kind?: Kind;
  readonly demotion?: Partial<Demotion>;
  readonly at?: Partial<ReturnCase>;
}

const open: But = {readOnly: false, superReadOnly: false};
const closed: But = {readOnly: true};
/** Everything each of them has, as the top of its own history. */
const history: But = {gtid: {executed: `${uuid('a')}:1-100`, binlogState: '0-1-100'}};
const grown: But = {gtid: {executed: `${uuid('a')}:1-100,${uuid('b')}:1-7`, binlogState: '0-1-100,0-2-107'}};

function decide({a = {}, b = {}, kind = {}, demotion = {}, at = {}}: Situation): ReturnDecision {
  const then = given('a: b c', {}, kind).get(key('a'))!;
  const both = given('b: c; a:', {a: and(open, history, a), b: and(open, grown, b)}, kind);
  const known: Demotion = {
    uid: 'u',
    recoveryId: 1,
    key: key('a'),
    cluster: 'a:3306',
    identity: identityOf(then),
    successors: [key('b')],
    promotedSince: false,
    age: 60,
    replicas: [key('b'), key('c')],
    handled: null,
    ...demotion,
  };
  return decideReturned(both.get(key('a'))!, known, {topology: both, mode: 'fence', downtimeStands: true, isFresh: () => true, ...at});
}

const mariadb: Kind = {flavor: 'MariaDB'};
const rejoin = {at: {mode: 'rejoin'}} as const;
const follows = (source: string): But => ({replication: given(`${source}: y`).get(key('y'))!.replication!});

describe('a source that was replaced is back', () => {
  test.each<{what: string; when: Situation; does: ReturnDecision['do']; says?: RegExp}>([
    {what: 'writable', when: {}, does: 'fence', says: /a:3306 was replaced by b:3306 and is back writable/},
    {what: 'writable, MariaDB', when: {kind: mariadb}, does: 'fence'},
    {what: 'writable, with transactions of its own', when: {a: {gtid: {executed: `${uuid('a')}:1-105`}}}, does: 'fence'},
    {what: 'writable, to be made a replica: closed first', when: rejoin, does: 'fence'},
    {what: 'closed already', when: {a: closed}, does: 'leave', says: /people decide/},
    {what: 'switched off', when: {at: {mode: 'off'}}, does: 'leave', says: /RecoverReturnedSource = off/},
    {what: 'not seen in this term', when: {at: {isFresh: (one) => one.host !== 'a'}}, does: 'leave', says: /not been seen/},
    {what: 'not answering', when: {a: down}, does: 'leave'},
    {what: 'promoted again since', when: {demotion: {promotedSince: true}}, does: 'leave', says: /source again/},
    {what: 'taken back into service by people', when: {at: {downtimeStands: false}}, does: 'leave', says: /downtime has ended/},
    {what: 'while its successor is down', when: {b: down}, does: 'leave', says: /b:3306 cannot be reached/},
    {what: 'while its successor is closed', when: {b: closed}, does: 'leave', says: /b:3306 is not writable/},
    {what: 'while its successor was not seen', when: {at: {isFresh: (one) => one.host !== 'b'}}, does: 'leave', says: /b:3306 has not/},
    {what: 'while nobody knows its successor', when: {demotion: {successors: [key('z')]}}, does: 'leave', says: /z:3306 is not known/},
    {what: 'when the successor was replaced in turn', when: {demotion: {successors: [key('z'), key('b')]}}, does: 'fence'},
    {what: 'when the one that counts now is not there', when: {demotion: {successors: [key('b'), key('z')]}}, does: 'leave'},
    {what: 'after an upgrade: nobody wrote down who it was', when: {demotion: {identity: null}}, does: 'report', says: /not written down/},
  ])('$what → $does', ({when, does, says = /./}) => {
    const decision = decide(when);
    expect(decision.do).toBe(does);
    expect(decision.because).toMatch(says);
  });

  test.each<{what: string; when: Situation; says: RegExp}>([
    {what: 'another server_uuid', when: {a: {serverUuid: uuid('f')}}, says: /server_uuid is .* instead of/},
    {
      what: 'a server_uuid that nobody knew',
      when: {demotion: {identity: {serverUuid: '', serverId: 1, binlogState: ''}}},
      says: /a known one/,
    },
    {what: 'another server_id', when: {a: {serverId: 77}}, says: /server_id is 77 instead of 1/},
    {what: 'MariaDB, another server_id', when: {kind: mariadb, a: {serverId: 77}}, says: /server_id/},
    {what: 'MariaDB, a fresh data directory', when: {kind: mariadb, a: {gtid: {binlogState: ''}}}, says: /lack what it had|tell nothing/},
    {
      what: 'MariaDB, binary logs that were reset',
      when: {kind: mariadb, a: {gtid: {binlogState: '0-1-5'}}},
      says: /0-1-5.* lack what it had then/,
    },
    {
      what: 'MariaDB, nothing known of then',
      when: {kind: mariadb, demotion: {identity: {serverUuid: '', serverId: 1, binlogState: ''}}},
      says: /tell nothing/,
    },
  ])('another server at its address is left alone and reported: $what', ({when, says}) => {
    const decision = decide(when);
    expect(decision).toMatchObject({do: 'report'});
    expect(decision.because).toMatch(says);
  });
});

describe('once it is closed, where it may be made a replica', () => {
  const errantMysql: But = and(closed, {gtid: {executed: `${uuid('a')}:1-103`}});
  const errantMariadb: But = and(closed, {gtid: {binlogState: '0-1-103'}});
  test.each<{what: string; when: Situation; does: ReturnDecision['do']; errant?: string}>([
    {what: 'clean', when: {a: closed}, does: 'rejoin'},
    {what: 'clean, MariaDB', when: {kind: mariadb, a: closed}, does: 'rejoin'},
    {what: 'lacking the latest', when: {a: and(closed, {gtid: {executed: `${uuid('a')}:1-90`}})}, does: 'rejoin'},
    {what: 'with transactions of its own', when: {a: errantMysql}, does: 'quarantine', errant: `${uuid('a')}:101-103`},
    {what: 'with transactions of its own, MariaDB', when: {kind: mariadb, a: errantMariadb}, does: 'quarantine', errant: '0-1-103'},
    {
      what: 'with a pair that the successor does not know, MariaDB: unknown is not clean',
      when: {kind: mariadb, a: and(closed, {gtid: {binlogState: '0-1-100,0-9-4'}})},
      does: 'quarantine',
      errant: '0-9-4',
    },
    {what: 'found so before', when: {a: errantMysql, demotion: {handled: 'quarantined'}}, does: 'leave'},
    {what: 'cleaned by people since', when: {a: closed, demotion: {handled: 'quarantined'}}, does: 'rejoin'},
    {what: 'lacking what was purged', when: {a: closed, b: {gtid: {purged: `${uuid('b')}:1-3`}}}, does: 'quarantine', errant: ''},
    {what: 'without GTIDs', when: {a: and(closed, {gtid: {executed: ''}})}, does: 'quarantine', errant: ''},
    {what: 'of another family', when: {a: and(closed, {flavor: 'MariaDB'}), demotion: {}}, does: 'report'},
    {what: 'following already', when: {a: and(closed, follows('b')), demotion: {handled: 'rejoined'}}, does: 'leave'},
    {what: 'made a replica of another by people', when: {a: and(closed, follows('c'))}, does: 'leave'},
  ])('$what → $does', ({when, does, errant}) => {
    const decision = decide({...when, ...rejoin});
    expect(decision).toMatchObject(errant === undefined ? {do: does} : {do: does, errant});
  });
});
