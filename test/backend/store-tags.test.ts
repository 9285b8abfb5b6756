import {describe, expect, test} from 'vitest';
import {keyText} from '../../src/lib/model/instance-key.ts';
import {parseTagExpression} from '../../src/lib/model/tag.ts';
import {activeMaintenance, beginMaintenance, endMaintenanceById} from '../../src/lib/store/maintenance.ts';
import {readAllTags, readTags, removeTag, taggedInstances, writeTag} from '../../src/lib/store/tags.ts';
import {key} from './support/instance.ts';
import {BACKENDS, useStore} from './support/store.ts';

describe.each(BACKENDS)('tags on %s', (kind) => {
  const store = useStore(kind);
  const put = (at: string, name: string, value = ''): Promise<void> => writeTag(store.backend, key(at), {name, value});
  const find = async (text: string): Promise<readonly string[]> =>
    (await taggedInstances(store.backend, parseTagExpression(text))).map(keyText);

  test('a tag has one value, the last one given', async () => {
    await put('b', 'role', 'db');
    await put('b', 'role', 'backup');
    await put('b', 'old');
    expect(await readTags(store.backend, key('b'))).toEqual([
      {name: 'old', value: ''},
      {name: 'role', value: 'backup'},
    ]);
    expect(await readTags(store.backend, key('b:3307'))).toEqual([]);
    expect(await readAllTags(store.backend)).toEqual(new Map([['b:3306', await readTags(store.backend, key('b'))]]));
  });

  test('instances are found by what they have, in the order of their names as text', async () => {
    await put('b:3306', 'role', 'db');
    await put('b:10', 'role', 'db');
    await put('a', 'role', 'backup');
    await put('c', 'dc', 'west');
    expect(await find('role')).toEqual(['a:3306', 'b:10', 'b:3306']);
    expect(await find('~role')).toEqual(['c:3306']);
    expect(await find('~role=db')).toEqual(['a:3306']);
    expect(await find('role=db,dc')).toEqual([]);
  });

  test('a tag is taken off one instance or off all, by value where one is given', async () => {
    for (const at of ['a', 'b', 'c']) await put(at, 'role', at === 'c' ? 'backup' : 'db');
    expect(await removeTag(store.backend, key('a'), {name: 'role', value: 'backup'})).toEqual([]);
    expect(await removeTag(store.backend, key('a'), {name: 'role', value: null})).toEqual([key('a')]);
    expect(await removeTag(store.backend, 'all', {name: 'role', value: 'db'})).toEqual([key('b')]);
    expect(await find('role')).toEqual(['c:3306']);
  });

  test('what a column cannot hold is cut, and still found to be taken off', async () => {
    const long = `${'x'.repeat(140)}🐬`;
    await put('a', long, long);
    expect(await readTags(store.backend, key('a'))).toEqual([{name: 'x'.repeat(128), value: 'x'.repeat(128)}]);
    expect(await removeTag(store.backend, key('a'), {name: long, value: long})).toEqual([key('a')]);
  });

  test('a maintenance is ended by its number, once', async () => {
    const wish = {owner: 'ann', reason: 'disk', lasting: 60, processor: {hostname: 'n', token: 't'}};
    await beginMaintenance(store.backend, key('a'), wish);
    const id = (await activeMaintenance(store.backend))[0]!.id;
    expect(await endMaintenanceById(store.backend, id)).toEqual({key: key('a'), ended: true});
    expect(await endMaintenanceById(store.backend, id)).toBeNull();
    expect(await activeMaintenance(store.backend)).toEqual([]);
  });
});
