import {resolve} from 'node:path';
import {put, type Draft} from './draft.ts';
import {readText} from './files.ts';
import {readCredentials} from './ini.ts';
import type {KeyName} from './keys.ts';
import type {Notices, Place} from './notice.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What reading one layer may look at beside the draft. */
export interface CredentialsContext {
  readonly env: Environment;
  readonly cwd: string;
  readonly notices: Notices;
  /** Keys that the present file sets: a password is expanded once, where it was written, and its expansion is not expanded again. */
  readonly written: ReadonlySet<KeyName>;
  readonly placeOf: (key: KeyName) => Place;
}

const LOGINS = [
  {file: 'MySQLOrchestratorCredentialsConfigFile', user: 'MySQLOrchestratorUser', password: 'MySQLOrchestratorPassword'},
  {file: 'MySQLTopologyCredentialsConfigFile', user: 'MySQLTopologyUser', password: 'MySQLTopologyPassword'},
  {file: 'ProxySQLAdminCredentialsConfigFile', user: 'ProxySQLAdminUser', password: 'ProxySQLAdminPassword'},
] as const satisfies readonly Readonly<Record<'file' | 'user' | 'password', KeyName>>[];

type Login = (typeof LOGINS)[number];

/** Takes user and password of each login from their ini files where one is named, then expands `${NAME}` in the passwords. */
export function applyCredentials(draft: Draft, context: CredentialsContext): void {
  for (const login of LOGINS) {
    const replaced = draft.values[login.file] !== '' && fromFile(draft, login, context);
    if (replaced || context.written.has(login.password)) expand(draft, login.password, context);
  }
}

/** @returns whether the password was replaced */
function fromFile(draft: Draft, login: Login, {cwd, notices, placeOf}: CredentialsContext): boolean {
  const path = resolve(cwd, draft.values[login.file]);
  const read = readText(path);
  if ('problem' in read) {
    const sentence = `${login.file} names ${path}, which ${read.problem}`;
    notices.add('CONFIG_UNREADABLE', placeOf(login.file), sentence, 'check the path and who may read the file');
    return false;
  }
  const found = readCredentials(read.text);
  if ('problem' in found) {
    const place = {file: path, line: found.line, key: login.file};
    notices.add('CONFIG_UNREADABLE', place, found.problem, 'the file holds [client], then user = … and password = …');
    return false;
  }
  put(draft, login.user, {value: found.user, origin: path});
  put(draft, login.password, {value: found.password, origin: path});
  return true;
}

/** Unanchored and greedy, as 3.2.6: text around `${NAME}` is dropped. */
function expand(draft: Draft, key: Login['password'], {env, notices, placeOf}: CredentialsContext): void {
  const name = /\$\{(.*)\}/.exec(draft.values[key])?.[1];
  if (name === undefined) return;
  if (env[name] === undefined) {
    // What does not look like a variable may be a piece of a real password.
    const called = /^[A-Za-z_]\w*$/.test(name) ? `the environment variable ${name}, which` : 'an environment variable that';
    const sentence = `${key} names ${called} is not set; the password is empty`;
    notices.add('suspicious', placeOf(key), sentence, 'set the variable, or write the password');
  }
  put(draft, key, {value: env[name] ?? '', origin: draft.origin[key]});
}
