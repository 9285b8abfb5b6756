import {spawnSync} from 'node:child_process';
import {chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Script} from 'node:vm';
import {afterEach, beforeEach, expect, test} from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const bin = process.env['ORCHESTRATOR_BIN'] ?? '';
const {version} = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {version: string};
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bundle-'));
});

afterEach(() => rmSync(folder, {recursive: true, force: true}));

function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): {status: number | null; stdout: string; stderr: string} {
  return spawnSync(program, args, {cwd: folder, encoding: 'utf8', env: {PATH: '/usr/bin:/bin', HOME: folder, ...env}, timeout: 30_000});
}

test('the bundle knows its version and the revision it was built from', () => {
  const {status, stdout, stderr} = run(process.execPath, [bin, '--version']);
  expect({status, stderr, lines: stdout.split('\n')}).toEqual({
    status: 0,
    stderr: '',
    lines: [version, expect.stringMatching(/^([0-9a-f]{40}\+?)?$/), ''],
  });
});

test('its code cache fits the program beside it, and this Node', () => {
  const name = /app-[0-9a-f]+/.exec(readFileSync(bin, 'utf8'))?.[0] ?? '';
  const beside = (ending: string): string => path.join(path.dirname(bin), `${name}.${ending}`);
  const script = new Script(readFileSync(beside('js'), 'latin1'), {filename: beside('js'), cachedData: readFileSync(beside('cache'))});
  expect(script.cachedDataRejected).toBe(false);
});

test('it runs without a code cache, and from any folder', () => {
  cpSync(path.dirname(bin), folder, {recursive: true, filter: (file) => !file.endsWith('.cache')});
  expect(readdirSync(folder).filter((name) => name.endsWith('.cache'))).toEqual([]);
  expect(run(process.execPath, [path.join(folder, 'orchestrator.cjs'), '--version']).stdout).toContain(version);
});

test('bin/orchestrator can be linked into a path, and hands on arguments and status', () => {
  symlinkSync(path.join(root, 'bin/orchestrator'), path.join(folder, 'orchestrator'));
  expect(run(path.join(folder, 'orchestrator'), ['--version'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(version) as string,
  });
  expect(run(path.join(folder, 'orchestrator'), ['no-such-command'])).toMatchObject({status: 2, stdout: ''});
});

test.each([
  {node: 'v18.20.4', says: 'orchestrator: needs Node 22.13 or later; run script/bootstrap, which installs one\n'},
  {node: 'v22.12.0', says: 'orchestrator: needs Node 22.13 or later; run script/bootstrap, which installs one\n'},
  {node: 'v22.13.0', says: 'orchestrator: not built yet; run script/build first\n'},
  {node: 'v24.1.0', says: 'orchestrator: not built yet; run script/build first\n'},
  {node: 'v26.0.0', says: 'orchestrator: not built yet; run script/build first\n'},
])('bin/orchestrator alone, beside Node $node, says $says', ({node, says}) => {
  mkdirSync(path.join(folder, 'bin'));
  cpSync(path.join(root, 'bin/orchestrator'), path.join(folder, 'bin/orchestrator'));
  writeFileSync(path.join(folder, 'node'), `#!/bin/sh\necho ${node}\n`);
  chmodSync(path.join(folder, 'node'), 0o755);
  const {status, stderr} = run(path.join(folder, 'bin/orchestrator'), ['--version'], {PATH: `${folder}:/usr/bin:/bin`});
  expect({status, stderr}).toEqual({status: 1, stderr: says});
});

test.each(['bin/run.js', 'bin/dev.js'])('%s runs the program too', (script) => {
  expect(run(process.execPath, [path.join(root, script), '--version'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(version) as string,
  });
});
