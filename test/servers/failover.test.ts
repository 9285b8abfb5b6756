import {readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {replicaStatus, sandbox, type Flavor, type Instance, type Sandbox, type Writer} from '../sandbox/index.ts';
import {
  backendHost,
  BACKENDS,
  downtimesAt,
  idsOn,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  standingOf,
  stepsOf,
  topologyNow,
  watching,
  type BackendHost,
  type Site,
} from './support/index.ts';

const ORDER = ['OnFailureDetectionProcesses', 'PreFailoverProcesses', 'PostMasterFailoverProcesses', 'PostFailoverProcesses'];

/** Returns when so many more inserts were acknowledged. */
async function writes(box: Sandbox, writer: Writer, count: number): Promise<void> {
  const before = writer.acknowledged.length;
  await box.waitFor(`${count} more acknowledged inserts`, () => writer.acknowledged.length >= before + count);
}

describe.each<{flavor: Flavor; semiSync: boolean}>([
  {flavor: 'mariadb', semiSync: true},
  {flavor: 'mysql9', semiSync: true},
  // This build of 5.6 comes without the plugins of semi-sync.
  {flavor: 'mysql56', semiSync: false},
])('a source of $flavor that is killed', ({flavor, semiSync}) => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box?.down());

  describe.each(BACKENDS)('with a backend on %s', (kind) => {
    let host: BackendHost;
    let at: Site | undefined;
    beforeAll(async () => {
      host = await backendHost(kind);
    });
    afterEach(() => at?.down());
    afterAll(() => host?.down());

    test('is replaced under load, without the loss of anything received, and closed when it comes back', async () => {
      const {a, b, c, d} = await box.topology('a: b c d', {semiSync});
      at = await site({backend: host, servers: [a, b, c, d]});
      const service = await at.serve();
      const writer = await box.writer(a, {ratePerSecond: 300});
      await watching(at, a);
      await writes(box, writer, 200);

      await a.kill9();
      const recovery = await recoveryOf(at, a);
      const source = await topologyNow([b, c, d]);
      expect(recovery).toMatchObject({analysis: 'DeadMaster', is_successful: 1, successor_port: source.key.port, lost_slaves: ''});
      expect(recovery.all_errors).toBe('');

      const acknowledged = [...writer.acknowledged];
      const received = await idsOn(source);
      expect(received.filter((id) => !acknowledged.includes(id) && !writer.failed.some((one) => one.id === id))).toEqual([]);
      // With semi-sync an acknowledged insert is a received one.
      const promised = semiSync ? acknowledged : [];
      expect(promised.filter((id) => !received.includes(id))).toEqual([]);

      writer.moveTo(source);
      await writes(box, writer, 20);
      await writer.stop();
      expect(await topologyNow([b, c, d])).toBe(source);

      const runs = (await at.hooks.runs()).filter(({type}) => type === 'DeadMaster');
      expect(runs.map(({list, attempt, failed}) => ({list, attempt, failed}))).toEqual(
        ORDER.map((list) => ({list, attempt: 1, failed: `127.0.0.1:${a.key.port}`})),
      );
      const [, before, afterwards, last] = runs;
      expect([before?.uid, afterwards?.uid, last?.uid]).toEqual([recovery.uid, recovery.uid, recovery.uid]);
      expect([afterwards?.successor, last?.successor]).toEqual(Array(2).fill(`127.0.0.1:${source.key.port}`));
      const steps = await stepsOf(at, recovery.uid);
      for (const said of ['confirm once more', 'apply on', 'point', 'writable', 'record the successor', 'end the recovery']) {
        expect(steps.filter((step) => step.startsWith('begin: ') && step.includes(said))).not.toEqual([]);
      }

      await closedWhenBack(at, a, [b, c, d]);
      expect(service.log).not.toMatch(/ERROR/);
    });
  });

  /** The old source comes back: it is closed, stays downtimed, and nobody tells it to do anything else. */
  async function closedWhenBack(at: Site, old: Instance, others: readonly Instance[]): Promise<void> {
    const log = join(old.datadir, 'general.log');
    await rm(log, {force: true}); // of the case before
    await old.start(['--general-log=ON', `--general-log-file=${log}`]);
    await box.waitFor(
      'what is done about the old source has ended',
      async () => {
        const plans = await rows<{state: string}>(at, 'recovery_plan', {kind: 'return'});
        return plans.length === 1 && plans[0]?.state === 'done';
      },
      {within: 60_000},
    );
    expect(await downtimesAt(at)).toEqual({[old.key.port]: 'lost-in-recovery'});
    expect((await at.run('which-lost-in-recovery')).stdout).toBe(`127.0.0.1:${old.key.port}\n`);
    expect(await replicaStatus(old)).toEqual([]);
    expect(await standingOf(old)).toMatchObject({writable: false, source: null});
    const said = await readFile(log, 'utf8');
    const changes = said.split('\n').filter((line) => /CHANGE (MASTER|REPLICATION)|SET GLOBAL|RESET/i.test(line));
    expect(changes.map((line) => line.replace(/^.*\*\/ /, ''))).toEqual([expect.stringMatching(/^SET GLOBAL (super_)?read_only = 1$/)]);
    await topologyNow(others);
    expect(await recoveriesOf(at)).toHaveLength(1);
  }
});
