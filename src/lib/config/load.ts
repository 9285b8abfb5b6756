import {resolve} from 'node:path';
import {adjust} from './adjust.ts';
import {applyCredentials, type Environment} from './credentials.ts';
import {defaultDraft, put, type Draft, type Origin, type Say} from './draft.ts';
import {DEFAULT_FILES, embeddedDataFile, readText} from './files.ts';
import {JsonProblem, readJsonObject, type Entry, type JsonObject} from './json.ts';
import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';
import {knownKey} from './known.ts';
import {asError, Notices, NOWHERE, type Notice, type Place} from './notice.ts';
import {foundWords, typed, TYPE_WORDS, type Value} from './types.ts';
import {listenNotices, validate} from './validate.ts';

export interface LoadOptions {
  /** `--config`: the only file read, and it must be readable. Absent or empty: `files`. */
  readonly path?: string | undefined;
  readonly env: Environment;
  /** What relative paths are relative to; the present directory of the process when absent. */
  readonly cwd?: string | undefined;
  /** Files to merge where they exist; the three default ones when absent. */
  readonly files?: readonly string[] | undefined;
  /** What flags of the command line say; stronger than any file, and never expanded or read from a credentials file. */
  readonly overrides?: Partial<Config> | undefined;
  /** `--ignore-raft-setup`: run although the file says RaftEnabled. */
  readonly ignoreRaftSetup?: boolean | undefined;
  /** It is read for a service: then it is told, too, where that would let everybody change everything. */
  readonly listens?: boolean | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute paths of the files that were read, in order. */
  readonly sources: readonly string[];
  /** Warnings and notes; never an error, which is thrown instead. */
  readonly notices: readonly Notice[];
  readonly origin: Readonly<Record<KeyName, Origin>>;
  /** No file was found, so the embedded database and 127.0.0.1:3000 are used. */
  readonly withoutFile: boolean;
}

/**
 * Reads the configuration: one JSON object a file, keys in any letter case, later files over earlier ones key by key,
 * adjustments after each. Without any file: an embedded database in the user's state folder, and the login for managed
 * servers from `ORCHESTRATOR_TOPOLOGY_USER` and `ORCHESTRATOR_TOPOLOGY_PASSWORD`.
 *
 * @throws OrchestratorError CONFIG_UNREADABLE (a file that cannot be read or is not JSON, with line and column),
 *   CONFIG_INVALID (a value of the wrong type or that contradicts another); both name file and key, never a secret
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const {draft, notices, sources} = read(options);
  const [first, ...others] = notices.errors;
  if (first !== undefined) throw asError(first, others.length);
  if (options.listens === true) listenNotices(draft.values, notices);
  return {config: freeze(draft.values), sources, notices: notices.all, origin: {...draft.origin}, withoutFile: sources.length === 0};
}

/** Everything there is to say about a configuration, errors included; nothing is thrown. For `config check`. */
export function checkConfig(options: LoadOptions): readonly Notice[] {
  const {draft, notices} = read(options);
  if (notices.errors.length === 0) listenNotices(draft.values, notices);
  return notices.all;
}

interface Reading {
  readonly draft: Draft;
  readonly notices: Notices;
  readonly sources: string[];
}

function read(options: LoadOptions): Reading {
  const cwd = options.cwd ?? process.cwd();
  const reading: Reading = {draft: defaultDraft(), notices: new Notices(), sources: []};
  const only = options.path ? resolve(cwd, options.path) : null;
  const paths = only === null ? (options.files ?? DEFAULT_FILES).map((file) => resolve(cwd, file)) : [only];
  for (const path of paths) readFile(path, reading, {env: options.env, cwd, mandatory: only !== null});
  const {draft, notices, sources} = reading;
  if (notices.errors.some((notice) => notice.code === 'CONFIG_UNREADABLE')) return reading;
  if (sources.length === 0) useEmbedded(reading, options);
  const overrides = Object.entries(options.overrides ?? {}).filter(([, value]) => value !== undefined);
  for (const [key, value] of overrides) put(draft, key as KeyName, {value, origin: 'command line'});
  const [onlySource = null] = sources.length === 1 ? sources : [];
  const say = sayer(reading, {...NOWHERE, file: onlySource});
  if (sources.length === 0 || overrides.length > 0) adjust(draft, say);
  if (draft.values.RaftEnabled && options.ignoreRaftSetup !== true) {
    say(
      'CONFIG_INVALID',
      'RaftEnabled',
      'RaftEnabled must be false: raft is not supported',
      'let all nodes share one backend database; --ignore-raft-setup runs anyway',
    );
  }
  validate(draft, say);
  return reading;
}

interface FileOptions {
  readonly env: Environment;
  readonly cwd: string;
  readonly mandatory: boolean;
}

function readFile(path: string, reading: Reading, {env, cwd, mandatory}: FileOptions): void {
  const {draft, notices, sources} = reading;
  const found = readText(path);
  if ('problem' in found) {
    if (found.missing && !mandatory) return;
    notices.add(
      'CONFIG_UNREADABLE',
      {...NOWHERE, file: path},
      `the configuration file ${found.problem}`,
      'check the path and who may read it',
    );
    return;
  }
  if (!sources.includes(path)) sources.push(path);
  const object = parse(path, found.text, notices);
  if (object === null) return;
  const written = new Set<KeyName>();
  for (const entry of object.entries) applyEntry({path, entry, written}, reading);
  const say = sayer(reading, {...NOWHERE, file: path});
  applyCredentials(draft, {env, cwd, notices, written, placeOf: (key) => placeOf(draft, key, {...NOWHERE, file: path})});
  adjust(draft, say);
}

function parse(path: string, text: string, notices: Notices): JsonObject | null {
  try {
    const object = readJsonObject(text);
    if (object.restAt !== null) {
      notices.add(
        'suspicious',
        {file: path, line: object.restAt, key: null},
        'what follows the first JSON object is not read',
        'keep one object in the file',
      );
    }
    return object;
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const sentence = `not JSON at ${error.line}:${error.column}: ${error.message}`;
    notices.add(
      'CONFIG_UNREADABLE',
      {file: path, line: error.line, key: null},
      sentence,
      'JSON has no comments and no comma after the last item',
    );
    return null;
  }
}

interface Written {
  readonly path: string;
  readonly entry: Entry;
  readonly written: Set<KeyName>;
}

function applyEntry({path, entry, written}: Written, {draft, notices}: Reading): void {
  const known = knownKey(entry.key);
  const place: Place = {file: path, line: entry.line, key: entry.key};
  if (known.is === 'remark') return;
  if (known.is === 'obsolete') return notices.add('obsolete', place, `${entry.key} no longer means anything and is ignored`, 'remove it');
  if (known.is === 'unknown') {
    return notices.add(
      'unknown',
      place,
      `${entry.key} is not a configuration key`,
      known.nearest === null ? 'remove it' : `did you mean ${known.nearest}?`,
    );
  }
  const {name} = known;
  if (written.has(name)) notices.add('suspicious', place, `${name} is written more than once; the last one counts`, 'keep one');
  if (entry.value === null) return; // leaves what was there
  const value = typed(KEYS[name].type, entry.value);
  if (value === undefined) {
    const found = foundWords(entry.value, {secret: isSecret(name)});
    return notices.add('CONFIG_INVALID', place, `${name} must be ${TYPE_WORDS[KEYS[name].type]}, found ${found}`);
  }
  written.add(name);
  draft.places.set(name, {...place, key: name});
  put(draft, name, {value, origin: path});
}

function isSecret(name: KeyName): boolean {
  return KEYS[name].secret === true;
}

function placeOf(draft: Draft, key: KeyName, otherwise: Place): Place {
  return draft.places.get(key) ?? {...otherwise, key};
}

function sayer({draft, notices}: Reading, otherwise: Place): Say {
  return (code, key, sentence, hint) => notices.add(code, placeOf(draft, key, otherwise), sentence, hint);
}

function useEmbedded({draft, notices}: Reading, {env}: LoadOptions): void {
  const set = (key: KeyName, value: Value, origin: Origin) => put(draft, key, {value, origin});
  const file = embeddedDataFile(env);
  set('BackendDB', 'sqlite', 'default');
  set('SQLite3DataFile', file, 'default');
  set('ListenAddress', '127.0.0.1:3000', 'default');
  for (const [key, variable] of Object.entries(LOGIN_VARIABLES)) {
    const value = env[variable];
    if (value !== undefined) set(key as keyof typeof LOGIN_VARIABLES, value, 'environment');
  }
  const hint = `${Object.values(LOGIN_VARIABLES).join(' and ')} say how to log in to managed servers; --config names a file`;
  notices.add('no-file', NOWHERE, `no configuration file found: the backend is ${file}, on this machine only`, hint);
}

/** How to log in to managed servers when no file says it. */
const LOGIN_VARIABLES = {MySQLTopologyUser: 'ORCHESTRATOR_TOPOLOGY_USER', MySQLTopologyPassword: 'ORCHESTRATOR_TOPOLOGY_PASSWORD'} as const;

function freeze(values: Draft['values']): Config {
  for (const key of KEY_NAMES) Object.freeze(values[key]);
  return Object.freeze(values);
}
