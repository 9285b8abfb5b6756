import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {build as esbuild, type Plugin} from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');

/** Drivers that knex could load and we never ask for, and tools that oclif looks for in a work tree. */
const NEVER_LOADED = ['typescript', 'ts-node', 'tsx', 'better-sqlite3', 'sqlite3', 'pg', 'pg-query-stream', 'pg-native'].concat([
  'oracledb',
  'tedious',
  'mysql',
  'mariadb',
  'mariadb/callback',
]);

/** Where the program goes unless somebody says otherwise; `bin/` looks there. */
const DIST = path.join(root, 'dist');

/**
 * Makes `orchestrator.cjs`, a loader of a few lines, and beside it `app-HASH.js`, the whole program in one file, with
 * `app-HASH.cache`, what V8 compiled of it while it answered the commands that are typed most. V8 tells a cache from another
 * source's by its length only, hence the hash in both names; a Node of another version than the builder's compiles afresh.
 * Builds may run at once: every file is renamed into place, the loader last.
 *
 * @param into folder, made when missing
 * @param plugins of esbuild; for tests that need a program which lacks something
 * @returns path of the loader
 */
export async function build(into: string = DIST, plugins: readonly Plugin[] = []): Promise<string> {
  mkdirSync(into, {recursive: true});
  const {program, licences} = await bundle(plugins);
  const hash = createHash('sha256').update(program).update(process.version).digest('hex').slice(0, 12);
  const app = path.join(into, `app-${hash}.js`);
  const cache = path.join(into, `app-${hash}.cache`);
  const loader = path.join(into, 'orchestrator.cjs');
  put(app, program);
  put(path.join(into, 'LICENSES.txt'), licences);
  if (!existsSync(cache)) warm({app, cache});
  put(loader, loaderText(hash));
  dropOld(into, hash);
  return loader;
}

/** The loader, built again only when a source is newer than it. */
export async function buildIfStale(into: string = DIST): Promise<string> {
  const loader = path.join(into, 'orchestrator.cjs');
  return isStale(loader) ? build(into) : loader;
}

function isStale(loader: string): boolean {
  if (!existsSync(loader)) return true;
  const built = statSync(loader).mtimeMs;
  const sources = ['package.json', 'package-lock.json', 'script/build.ts', ...globSync('src/**/*', {cwd: root})];
  return sources.some((source) => (statSync(path.join(root, source), {throwIfNoEntry: false})?.mtimeMs ?? Infinity) > built);
}

async function bundle(plugins: readonly Plugin[]): Promise<{program: string; licences: string}> {
  const result = await esbuild({
    entryPoints: [path.join(root, 'src/main.ts')],
    outfile: 'app.js',
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node22.13',
    format: 'cjs',
    external: NEVER_LOADED,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    define: {BUILD_REVISION: JSON.stringify(revision())},
    banner: {js: '(function(exports,require,module,__filename,__dirname){'},
    footer: {js: '})'},
    logLevel: 'warning',
    plugins: [...plugins],
  });
  return {program: result.outputFiles[0]?.text ?? '', licences: licencesOf(Object.keys(result.metafile.inputs))};
}

/** The licence of every package that has a file in the bundle. */
function licencesOf(inputs: readonly string[]): string {
  const folders = new Set(
    inputs.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter((folder) => folder !== undefined),
  );
  return [...folders]
    .sort()
    .map((folder) => licenceOf(path.resolve(root, folder)))
    .join('\n');
}

function licenceOf(folder: string): string {
  const facts = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {name: string; version: string; license?: string};
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const texts = files.map((name) => readFileSync(path.join(folder, name), 'utf8').trim());
  return [`${facts.name} ${facts.version} (${facts.license ?? 'see below'})`, ...texts, ''].join('\n\n');
}

/** The commit, with `+` where the work tree differs from it; '' outside a repository. */
function revision(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, {cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}).trim();
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+');
  } catch (error) {
    console.warn(`build: no revision, because git does not answer: ${String(error).split('\n')[0]}`);
    return '';
  }
}

/** Reads as Latin-1 because the program is pure ASCII (esbuild escapes the rest): V8 then keeps one byte a character. */
function loaderText(hash: string): string {
  return `'use strict';
const {readFileSync} = require('node:fs');
const {Script, constants} = require('node:vm');
const app = __dirname + '/app-${hash}.js';
let cachedData;
try { cachedData = readFileSync(__dirname + '/app-${hash}.cache'); } catch (error) { if (error.code !== 'ENOENT') throw error; }
const importModuleDynamically = constants && constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const script = new Script(readFileSync(app, 'latin1'), {filename: app, cachedData, importModuleDynamically});
const program = {exports: {}};
script.runInThisContext()(program.exports, require, program, __filename, __dirname);
module.exports = program.exports;
if (require.main === module) program.exports.main(process.argv.slice(2));
`;
}

/** Commands run while the cache is made: what they need is compiled ahead. None of them touches a server. */
const REHEARSAL = [
  ['--version'],
  ['--help'],
  ['help', 'topology'],
  ['clusters'],
  ['topology', '-i', 'nowhere:1'],
  ['-c', 'clusters'],
  ['no-such-command'],
  // The driver and what stands around it, against a stand-in for a server; see warm.ts.
  ['--config', 'mysql.json', 'clusters'],
  ['--config', 'mysql.json', 'which-replicas', '-i', 'db1'],
];

function warm({app, cache}: {app: string; cache: string}): void {
  const home = mkdtempSync(path.join(tmpdir(), 'orchestrator-build-'));
  try {
    execFileSync(process.execPath, [path.join(root, 'script/warm.ts'), app, `${cache}.${process.pid}`, JSON.stringify(REHEARSAL)], {
      cwd: home,
      env: {PATH: process.env['PATH'], HOME: home, XDG_STATE_HOME: home, XDG_CONFIG_HOME: home, TMPDIR: home},
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
    });
    renameSync(`${cache}.${process.pid}`, cache);
  } finally {
    rmSync(home, {recursive: true, force: true});
  }
}

function put(file: string, text: string): void {
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
}

/** Programs of earlier builds. The latest ones stay: whoever has just read an older loader is about to read its program. */
function dropOld(into: string, hash: string): void {
  const minuteAgo = Date.now() - 60_000;
  const others = readdirSync(into).filter((name) => name.startsWith('app-') && !name.includes(hash));
  for (const file of others.map((name) => path.join(into, name))) {
    const found = statSync(file, {throwIfNoEntry: false});
    if (found && found.mtimeMs < minuteAgo) rmSync(file, {force: true});
  }
}

if (import.meta.main) {
  const loader = process.argv.includes('--if-stale') ? await buildIfStale() : await build();
  console.log(path.relative(process.cwd(), loader));
}
