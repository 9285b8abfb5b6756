import {expect, test} from 'vitest';
import {SourceNames} from '../../../src/lib/execute/steps/source-names.ts';
import type {Instance, Replication} from '../../../src/lib/model/instance.ts';
import {given} from '../support/given.ts';

const replica = given('a: b').instances.find(({key}) => key.host === 'b') as Instance;
const probed = replica.replication as Replication;
const source = probed.source!;
const written = (host: string, port = source.port): Replication => ({...probed, sourceHostAsWritten: host, source: {host, port}});
const readAs = (host: string): Instance => ({...replica, replication: {...probed, sourceHostAsWritten: host, source}});

test.each([
  {what: 'by its own name', status: written(source.host), is: source},
  {what: 'by the alias that the probe resolved', status: written('alias'), probe: readAs('alias'), is: source},
  {what: 'by an alias that the probe did not see', status: written('alias'), is: {host: 'alias', port: source.port}},
  {what: 'by the same alias at another port', status: written('alias', 1), probe: readAs('alias'), is: {host: 'alias', port: 1}},
])('a source $what', ({status, probe = replica, is}) => {
  expect(new SourceNames(null).known(status, probe)?.source).toEqual(is);
});

test('a virtual name that was written is known for what it stands for; one that cannot be checked is not written', async () => {
  const names = new SourceNames({
    registered: async (host) => (host === 'c' ? 'vip' : host === 'd' ? 'gone' : null),
    whoIs: async (virtual, itself) => (virtual.host === 'gone' ? null : {key: itself, isBinlogServer: false}),
    trustBinlogServers: false,
  });
  expect(await names.toWrite({host: 'c', port: 7})).toEqual({host: 'vip', port: 7});
  expect(await names.toWrite({host: 'd', port: 7})).toEqual({host: 'd', port: 7});
  expect(await names.toWrite({host: 'e', port: 7})).toEqual({host: 'e', port: 7});
  expect(names.known(written('vip', 7), replica)?.source).toEqual({host: 'c', port: 7});
  expect(names.known(null, replica)).toBeNull();
});
