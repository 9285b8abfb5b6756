import {spawn} from 'node:child_process';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {writeTag} from '../../src/lib/store/tags.ts';
import {given, key} from '../unit/support/given.ts';
import {cli, type Cli} from './support/cli.ts';

/** What cannot be known within a second is not offered, and a machine may be busy. */
const PATIENCE = {timeout: 60_000};
let it: Cli;

beforeAll(async () => {
  it = cli();
  await it.seed(given('db1: db2 db3', {db1: {cluster: {suggestedAlias: 'shop'}}}), given('other:'));
  await writeTag(await it.backend(), key('db2'), {name: 'role', value: 'backup'});
});
afterAll(() => it.down());

test.each([
  {line: 'orchestrator which-master db', says: ['db1:3306', 'db2:3306', 'db3:3306']},
  {line: 'orchestrator topology -a sh', says: ['shop']},
  {line: 'orchestrator tagged --tag=r', says: ['--tag=role']},
  {line: 'orchestrator which-mas', says: ['which-master']},
  {line: 'orchestrator which-master nobody', says: []},
])('$line', async ({line, says}) => {
  const stdout = says.map((one) => `${one}\n`).join('');
  await expect.poll(() => it.run(['completion', `--line=${line}`]), PATIENCE).toEqual({status: 0, stdout, stderr: ''});
});

test('without a backend nothing is offered, and nothing is said', async () => {
  const broken = cli({SQLite3DataFile: '/dev/null/o.sqlite'}); // no folder, and none can be made
  try {
    expect(await broken.run(['completion', '--line=orchestrator which-master d'])).toEqual({status: 0, stdout: '', stderr: ''});
  } finally {
    await broken.down();
  }
});

test('bash completes what stands at the cursor, behind its word breaks', async () => {
  const {stdout} = await it.run(['completion', 'bash']);
  const program = `${process.execPath} ${process.env['ORCHESTRATOR_BIN'] ?? ''} --config ${it.folder}/orchestrator.conf.json`;
  const complete = async (line: string): Promise<string> => {
    const script = [
      stdout,
      `orchestrator() { ${program} "$@"; }`,
      `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _orchestrator; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('\n');
    return run('bash', ['-c', script]);
  };
  await expect.poll(() => complete('orchestrator which-master db'), PATIENCE).toBe('db1:3306\ndb2:3306\ndb3:3306\n');
  await expect.poll(() => complete('orchestrator which-master db2:'), PATIENCE).toBe('3306\n');
  await expect.poll(() => complete('orchestrator which-master --instance=db3'), PATIENCE).toBe('db3:3306\n');
});

/** What a program prints; fails when it complains. */
function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, {cwd: it.folder, env: {PATH: process.env['PATH'], HOME: it.folder}, timeout: 30_000});
  const said = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', () => (said.stderr === '' ? resolve(said.stdout) : reject(new Error(said.stderr))));
  });
}
