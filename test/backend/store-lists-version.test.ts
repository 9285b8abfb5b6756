import {describe, expect, test} from 'vitest';
import {writeDomain} from '../../src/lib/store/aliases.ts';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {forgetInstance, writeClusterFacts} from '../../src/lib/store/instances.ts';
import {listsVersion} from '../../src/lib/store/lists-version.ts';
import {given, key} from '../unit/support/given.ts';
import {KINDS} from './support/coordination.ts';
import {seed} from './support/operations.ts';
import {useStore} from './support/store.ts';

describe.each(KINDS)('the version of what lists are read from, on a %s backend', (kind) => {
  const store = useStore(kind);

  test('stays while nothing is written, and changes with all that lists show', async () => {
    const backend = store.backend;
    const topology = given('a: b c');
    const a = topology.get(key('a'))!;
    await seed(backend, topology);
    const first = await listsVersion(backend);
    expect(await listsVersion(backend)).toBe(first);
    const writes = [
      () => beginDowntime(backend, key('b'), {owner: 'ann', reason: 'disk', lasting: 60}),
      () => writeDomain(backend, 'a:3306', 'shop.example'),
      () => writeClusterFacts(backend, [{...a, cluster: {...a.cluster, suggestedAlias: 'other'}}]),
      () => backend.run(({db}) => db('database_instance').where('hostname', 'c').update({last_attempted_check: '2020-01-01 00:00:00'})),
      () => forgetInstance(backend, key('c')),
    ];
    const versions = [first];
    for (const write of writes) {
      await write();
      versions.push(await listsVersion(backend));
    }
    // SQLite cannot tell, and is read each time.
    const expected = kind === 'sqlite' ? [null] : versions;
    expect([...new Set(versions)]).toEqual(expected);
  });
});
