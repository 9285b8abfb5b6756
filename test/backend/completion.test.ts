import {spawn} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {writeTag} from '../../src/lib/store/tags.ts';
import {given, key} from '../unit/support/given.ts';
import {shells} from '../sandbox/index.ts';
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
  const complete = async (line: string): Promise<string> => {
    const script = [
      stdout,
      `orchestrator() { ${program()} "$@"; }`,
      `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _orchestrator; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('\n');
    return run('bash', ['-c', script]);
  };
  await expect.poll(() => complete('orchestrator which-master db'), PATIENCE).toBe('db1:3306\ndb2:3306\ndb3:3306\n');
  await expect.poll(() => complete('orchestrator which-master db2:'), PATIENCE).toBe('3306\n');
  await expect.poll(() => complete('orchestrator which-master --instance=db3'), PATIENCE).toBe('db3:3306\n');
});

test('fish completes instances, clusters, tags, commands and options', async () => {
  await it.run(['completion', 'fish']).then(({stdout}) => writeFileSync(path.join(it.folder, 'completion.fish'), stdout));
  const fish = path.join(await shells(it.folder), 'fish');
  const complete = (line: string): Promise<string> =>
    run(fish, ['-c', `function orchestrator; ${program()} $argv; end; source completion.fish; complete -C '${line}'`]);
  await expect.poll(() => complete('orchestrator which-master db'), PATIENCE).toBe('db1:3306\ndb2:3306\ndb3:3306\n');
  await expect.poll(() => complete('orchestrator topology -a sh'), PATIENCE).toBe('shop\n');
  await expect.poll(() => complete('orchestrator tagged --tag=r'), PATIENCE).toBe('--tag=role\n');
  await expect.poll(() => complete('orchestrator which-mas'), PATIENCE).toBe('which-master\n');
  await expect.poll(() => complete('orchestrator topology --inst'), PATIENCE).toBe('--instance\n');
});

test('zsh completes instances, clusters, tags, commands and options', async () => {
  const bin = await shells(it.folder);
  await it.run(['completion', 'zsh']).then(({stdout}) => writeFileSync(path.join(bin, '.zshrc'), zshrc(stdout)));
  const typed = async (line: string): Promise<string> => {
    writeFileSync(path.join(it.folder, 'type.zsh'), typing(path.join(bin, 'zsh'), line));
    return run(path.join(bin, 'zsh'), ['type.zsh']);
  };
  await expect.poll(() => typed('orchestrator which-master db2'), PATIENCE).toBe('which-master db2:3306\n');
  await expect.poll(() => typed('orchestrator topology -a sh'), PATIENCE).toBe('topology -a shop\n');
  await expect.poll(() => typed('orchestrator tagged --tag=r'), PATIENCE).toBe('tagged --tag=role\n');
  await expect.poll(() => typed('orchestrator which-mas'), PATIENCE).toBe('which-master\n');
  await expect.poll(() => typed('orchestrator topology --inst'), PATIENCE).toBe('topology --instance\n');
  await expect.poll(() => typed('orchestrator which-master nobody'), PATIENCE).toBe('which-master nobody\n');
});

/** A zsh with our script, in which `orchestrator` writes down what it was called with. */
function zshrc(script: string): string {
  return `PROMPT='ready> '
unsetopt prompt_cr prompt_sp
autoload -Uz compinit
compinit -u -d ./dump
${script}
orchestrator() { if [[ $1 == completion ]]; then ${program()} "$@"; else print -r -- "$*" >ran; fi }
`;
}

/** Types a line, a tab and a return into such a zsh, and prints what it ran. */
function typing(zsh: string, line: string): string {
  return `zmodload zsh/zpty
rm -f ran
zpty -b inner '${zsh}' -i
zpty -r inner said '*ready>*'
zpty -w -n inner '${line}'$'\t\n'
repeat 200; do
  [[ -s ran ]] && break
  zpty -rt inner said || sleep 0.05
done
zpty -d inner
cat ran
`;
}

/** The program with the configuration of this test, as a shell takes it. */
function program(): string {
  return `${process.execPath} ${process.env['ORCHESTRATOR_BIN'] ?? ''} --config ${it.folder}/orchestrator.conf.json`;
}

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
