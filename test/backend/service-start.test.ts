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

test.each(['serve', 'http'])(
  '%s says off a terminal, too, what is odd about its configuration, and what to do',
  async (name) => {
    const it = cli({ListenAddress: 'nowhere.invalid:3000', RecoveryPeriodBlockSecond: 5} as object);
    onTestFinished(() => it.down());
    const {stderr} = await it.run(`${name} --discovery=false`);
    expect(stderr).toMatch(/RecoveryPeriodBlockSecond .*\(.*RecoveryPeriodBlockSeconds.*\)/);
    expect(stderr).toMatch(/anybody who reaches nowhere\.invalid:3000 may change topologies.*\(set AuthenticationMethod/);
  },
  60_000,
);
