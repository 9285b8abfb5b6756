import {expect, test} from 'vitest';
import {keysOf, pairsOf} from '../../../src/lib/kv/pairs.ts';
import {addressesOf} from '../../../src/lib/kv/zookeeper/directory.ts';
import {Packets, Writer} from '../../../src/lib/kv/zookeeper/wire.ts';

test.each([
  {cluster: {name: 'db1:3306', alias: 'shop'}, prefix: 'mysql/master/', main: 'mysql/master/shop'},
  {cluster: {name: 'db1:3306', alias: ''}, prefix: 'mysql/master/', main: 'mysql/master/db1:3306'},
  {cluster: {name: 'db1:3306', alias: 'shop'}, prefix: '/', main: '/shop'},
])('keys of $cluster.name below $prefix', ({cluster, prefix, main}) => {
  expect(keysOf(prefix, cluster)).toEqual([main, `${main}/hostname`, `${main}/port`, `${main}/ipv4`, `${main}/ipv6`]);
});

test.each([
  {source: {host: 'db2', port: 3307}, values: ['db2:3307', 'db2', '3307', '10.0.0.2', '']},
  {source: {host: 'fe80::1', port: 3306}, values: ['[fe80::1]:3306', 'fe80::1', '3306', '10.0.0.2', '']},
])('values of $source.host', ({source, values}) => {
  const publication = {cluster: {name: 'c', alias: 'shop'}, source, addresses: {ipv4: '10.0.0.2', ipv6: ''}, demoted: null};
  expect(pairsOf('p/', publication).map(({value}) => value)).toEqual(values);
});

test.each([
  {text: 'zk1', is: [['zk1', 2181]]},
  {
    text: ' zk1:2182, zk2 ,,',
    is: [
      ['zk1', 2182],
      ['zk2', 2181],
    ],
  },
  {text: '[fe80::1]:2183', is: [['fe80::1', 2183]]},
  {text: '', is: []},
])('servers of ZooKeeper in "$text"', ({text, is}) => {
  expect(addressesOf(text).map(({host, port}) => [host, port])).toEqual(is);
});

test.each([1, 2, 3, 5, 8, 1000])('packets cut into pieces of %i bytes', (size) => {
  const packets = ['first', '', 'third one'].map((text) => new Writer().text(text));
  const bytes = Buffer.concat(packets.map(({packet}) => packet));
  const reader = new Packets();
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...reader.add(bytes.subarray(at, at + size)));
  expect(found).toEqual(packets.map(({content}) => content));
});
