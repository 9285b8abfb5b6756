import {expect, test} from 'vitest';
import {Marker, type MarkerOptions} from '../../../src/lib/daemon/marker.ts';
import {OrchestratorError, type ErrorCode} from '../../../src/lib/errors/errors.ts';
import type {Prober} from '../../../src/lib/execute/eyes/prober.ts';
import {given} from '../support/given.ts';

interface Heard {
  readonly injected: string[];
  readonly noted: string[][];
  readonly said: string[];
  readonly marked: (readonly string[])[];
}

/** A marker over two clusters, a and c, and what it did. */
function markerOver(but: Partial<MarkerOptions> = {}): {readonly marker: Marker; readonly heard: Heard} {
  const heard: Heard = {injected: [], noted: [], said: [], marked: []};
  const topology = given('a: b; c: d', {c: {readOnly: false, superReadOnly: false}});
  const model = {
    topology: () => topology,
    probedAt: () => 1,
    markedBy: (clusters: ReadonlySet<string>) => void heard.marked.push([...clusters]),
  };
  const marker = new Marker({
    config: {AutoPseudoGTID: true},
    prober: {model} as unknown as Prober,
    log: (_level, sentence) => void heard.said.push(sentence),
    isLeader: () => true,
    isLost: () => false,
    locked: () => Promise.resolve(new Set()),
    inject(key, mayStill) {
      if (!mayStill()) return Promise.resolve(false);
      heard.injected.push(key.host);
      return Promise.resolve(true);
    },
    note: (clusters) => Promise.resolve(void heard.noted.push([...clusters])),
    marked: () => Promise.resolve(new Set(['a:3306'])),
    ...but,
  });
  return {marker, heard};
}

const fails = (code: ErrorCode) => (): Promise<boolean> => Promise.reject(new OrchestratorError(code, 'it went wrong'));

test('every source gets an entry each round; that it does is noted once a minute, and instances are told by what is noted', async () => {
  const {marker, heard} = markerOver();
  await marker.round();
  await marker.round();
  expect(heard).toEqual({injected: ['a', 'c', 'a', 'c'], noted: [['a:3306', 'c:3306'], []], said: [], marked: [['a:3306'], ['a:3306']]});
});

test.each<{name: string; but: Partial<MarkerOptions>; injected: readonly string[]}>([
  {name: 'switched off', but: {config: {AutoPseudoGTID: false}}, injected: []},
  {name: 'no leader any more', but: {isLeader: () => false}, injected: []},
  {name: 'the source is locked', but: {locked: () => Promise.resolve(new Set(['a:3306']))}, injected: ['c']},
  {name: 'replaced by a recovery', but: {isLost: ({key}) => key.host === 'c'}, injected: ['a']},
])('$name: only $injected', async ({but, injected}) => {
  const {marker, heard} = markerOver(but);
  await marker.round();
  expect(heard.injected).toEqual(injected);
});

test.each<{code: ErrorCode; says: RegExp}>([
  {code: 'SERVER_ACCESS_DENIED', says: /no Pseudo-GTID entry can be written to a:3306: it went wrong \(GRANT DROP/},
  {code: 'SERVER_TIMEOUT', says: /no Pseudo-GTID entry can be written to a:3306: it went wrong$/},
])('$code: it is left alone for a while, and that is said once', async ({code, says}) => {
  const {marker, heard} = markerOver({inject: fails(code)});
  await marker.round();
  await marker.round();
  expect(heard.said).toEqual([expect.stringMatching(says), expect.stringMatching(/c:3306/)]);
  expect(heard.noted).toEqual([[]]);
});
