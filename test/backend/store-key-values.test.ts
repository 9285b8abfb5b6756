import {describe, expect, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import {Publishing} from '../../src/lib/execute/discovery/publishing.ts';
import {InternalDirectory} from '../../src/lib/execute/discovery/internal.ts';
import type {Publication} from '../../src/lib/kv/directory.ts';
import {keysThatSay, readKeyValues, removeKeyValues, writeKeyValues} from '../../src/lib/store/key-values.ts';
import {BACKENDS, useStore} from './support/store.ts';

const config = {...defaultDraft().values, KVClusterMasterPrefix: 'mysql/master/'};
const yes = (): Promise<boolean> => Promise.resolve(true);
const [a, b, c] = ['a', 'b', 'c'].map((host) => ({host, port: 3306}));

function published(source: Publication['source']): Publication {
  return {cluster: {name: 'a:3306', alias: 'shop'}, source, addresses: {ipv4: '', ipv6: ''}, demoted: null};
}

describe.each(BACKENDS)('keys and values on %s', (kind) => {
  const store = useStore(kind);
  const read = async (...keys: readonly string[]): Promise<object> => Object.fromEntries(await readKeyValues(store.backend, keys));

  test('are written over, found by value, and removed only while they say what is expected', async () => {
    const pairs = [
      {key: 'p/x', value: 'a:1'},
      {key: 'p/x/port', value: '1'},
    ];
    await writeKeyValues(store.backend, pairs);
    await writeKeyValues(store.backend, [{key: 'p/x', value: 'b:1'}]);
    expect(await read('p/x', 'p/x/port', 'p/y')).toEqual({'p/x': 'b:1', 'p/x/port': '1'});
    expect(await keysThatSay(store.backend, 'p/', 'b:1')).toEqual(['p/x']);
    expect(await keysThatSay(store.backend, 'q/', 'b:1')).toEqual([]);
    expect(await removeKeyValues(store.backend, ['p/x', 'p/x/port'], {key: 'p/x', value: 'a:1'})).toBe(false);
    expect(await removeKeyValues(store.backend, ['p/x', 'p/x/port'], {key: 'p/x', value: 'b:1'})).toBe(true);
    expect(await read('p/x', 'p/x/port')).toEqual({});
  });

  test('a source in the backend is repaired where it is stale, if it may be', async () => {
    const directory = new InternalDirectory(store.backend, config);
    await directory.publish(published(a!));
    expect(await directory.repair(published(a!), yes)).toBeNull();
    expect(await directory.repair(published(b!), () => Promise.resolve(false))).toBeNull();
    expect(await directory.repair(published(b!), yes)).toBe('wrote mysql/master/shop, mysql/master/shop/hostname');
    expect(await read('mysql/master/shop', 'mysql/master/shop/hostname')).toEqual({
      'mysql/master/shop': 'b:3306',
      'mysql/master/shop/hostname': 'b',
    });
  });

  test('a cluster without an alias is found under every name it had', async () => {
    const at = {backend: store.backend, config};
    const replace = (cluster: string, demoted: Publication['source']): Publishing =>
      new Publishing(at, {cluster: {name: cluster, alias: cluster}, demoted});
    await new InternalDirectory(store.backend, config).publish({...published(a!), cluster: {name: 'a:3306', alias: 'a:3306'}});
    await replace('a:3306', a!).publish(b!, {follows: false});
    await new InternalDirectory(store.backend, config).publish({...published(b!), cluster: {name: 'b:3306', alias: 'b:3306'}});
    const second = replace('b:3306', b!);
    await second.withdraw();
    expect(await read('mysql/master/a:3306', 'mysql/master/b:3306')).toEqual({});
    await second.publish(c!, {follows: false});
    expect(await read('mysql/master/a:3306', 'mysql/master/b:3306')).toEqual({
      'mysql/master/a:3306': 'c:3306',
      'mysql/master/b:3306': 'c:3306',
    });
  });
});
