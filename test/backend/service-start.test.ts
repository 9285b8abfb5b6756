import {once} from 'node:events';
import {createServer, type AddressInfo} from 'node:net';
import {expect, onTestFinished, test} from 'vitest';
import {cli} from './support/cli.ts';

test('a service that cannot listen ends, and holds no lease', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const it = cli({ListenAddress: `127.0.0.1:${(other.address() as AddressInfo).port}`});
  onTestFinished(() => it.down());
  const {status, stderr} = await it.run('serve --grab-election');
  expect(stderr).toMatch(/cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  expect(stderr).not.toContain('elected');
  expect(status).toBe(1);
  const rows = await (await it.backend()).run(({db}) => db('active_node').select('hostname'));
  expect(rows.filter(({hostname}) => hostname !== '')).toEqual([]);
}, 60_000);
