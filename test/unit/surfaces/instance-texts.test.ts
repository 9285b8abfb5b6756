import {expect, test} from 'vitest';
import {escapedJson} from '../../../src/lib/config/escaped-json.ts';
import type {Instance} from '../../../src/lib/model/instance.ts';
import {InstanceTexts} from '../../../src/lib/surfaces/http/instance-texts.ts';
import {instanceJson} from '../../../src/lib/surfaces/legacy-json/instance.ts';
import {given, key} from '../support/given.ts';

const limits = {ReasonableReplicationLagSeconds: 10};
const b = given('a: b').get(key('b'))!;
const downtime = {owner: 'ann', reason: '"SecondsSinceLastSeen":{<', endsAt: '', elapsed: 1, remaining: 1};

/** All that can change while the row stays as it was read. */
const LATER: readonly {readonly what: string; readonly later: Instance}[] = [
  {what: 'nothing', later: b},
  {what: 'its age', later: {...b, check: {...b.check, secondsSinceSeen: 4711}}},
  {what: 'its age is not known', later: {...b, check: {...b.check, secondsSinceSeen: null}}},
  {what: 'whether it is up to date', later: {...b, check: {...b.check, upToDate: false}}},
  {what: 'whether it was checked of late', later: {...b, check: {...b.check, recent: false}}},
  {what: 'a downtime', later: {...b, wishes: {...b.wishes, downtime}}},
  {what: 'another name', later: {...b, wishes: {...b.wishes, unresolvedHost: 'virtual'}}},
  {what: 'another part of it', later: {...b, alias: 'other'}},
];

test.each(LATER)('what was written before of an instance is right where it is used again: $what', ({later}) => {
  const texts = new InstanceTexts();
  texts.write([b], limits);
  expect(texts.write([later, b], limits).toString()).toBe(escapedJson([later, b].map((one) => instanceJson(one, limits))));
});

test('what counts as a problem may change', () => {
  const late = {...b, replication: b.replication && {...b.replication, lag: 7}};
  const texts = new InstanceTexts();
  expect(texts.write([late], limits).toString()).toContain('"Problems":[]');
  expect(texts.write([late], {ReasonableReplicationLagSeconds: 5}).toString()).toContain('"Problems":["replication_lag"]');
});

test('none', () => {
  expect(new InstanceTexts().write([], limits).toString()).toBe('[]');
});
