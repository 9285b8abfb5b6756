import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import type {FastifyRequest} from 'fastify';
import type {Config} from '../../../config/keys.ts';
import {authenticationMethod, type AuthenticationMethod} from '../../../config/validate.ts';
import {messageOf, OrchestratorError, unreachable} from '../../../errors/errors.ts';
import {isSame} from '../../../operations/access/tokens.ts';
import type {HttpOptions} from '../server.ts';
import {Logins, type Login} from './logins.ts';
import {trusting} from './proxies.ts';
import {tokenVisitor} from './token.ts';

/** Somebody who asks over HTTP. */
export interface Visitor {
  /** '' where nobody had to say who they are. */
  readonly user: string;
  readonly mayChange: boolean;
}

/** `stranger`: who has to log in. `wait`: who was wrong too often. */
export type Admission = Visitor | 'stranger' | 'wait';
type Admit = (request: FastifyRequest) => Admission | Promise<Admission>;

const READER: Visitor = {user: '', mayChange: false};

/**
 * Who a request is from and what they may do, by AuthenticationMethod. ReadOnly overrules them all. A method that cannot say
 * yes for certain says no.
 *
 * @throws OrchestratorError CONFIG_INVALID where everybody could change everything by mistake
 */
export function admission(options: Pick<HttpOptions, 'config' | 'log' | 'ports'>): Admit {
  const {config} = options;
  const method = authenticationMethod(config);
  if (method === undefined)
    throw new OrchestratorError('CONFIG_INVALID', `AuthenticationMethod ${JSON.stringify(config.AuthenticationMethod)} is not known`);
  if (method === 'multi' && config.HTTPAuthUser === '') {
    throw new OrchestratorError('CONFIG_INVALID', 'AuthenticationMethod is "multi", and HTTPAuthUser is empty', {
      hint: 'set HTTPAuthUser and HTTPAuthPassword',
    });
  }
  const admit = admitBy(method, options);
  return async (request) => {
    const found = await admit(request);
    return typeof found === 'object' && config.ReadOnly ? {...found, mayChange: false} : found;
  };
}

function admitBy(method: AuthenticationMethod, options: Pick<HttpOptions, 'config' | 'log' | 'ports'>): Admit {
  const {config} = options;
  switch (method) {
    case '':
      return () => ({user: '', mayChange: true});
    case 'basic':
      return byPassword(config, false);
    case 'multi':
      return byPassword(config, true);
    case 'proxy':
      return byProxy(options);
    case 'token':
      return (request) => tokenVisitor(request, options);
    case 'oauth':
      return () => READER;
    default:
      return unreachable(method);
  }
}

/** @param withReaders `readonly` may read, whatever its password */
function byPassword(config: Config, withReaders: boolean): Admit {
  const logins = new Logins();
  return (request) => {
    const login = loginOf(request);
    if (login === null) return 'stranger';
    if (withReaders && login.user === 'readonly') return {user: login.user, mayChange: false};
    const verdict = logins.judge(request.ip, login, () => isAccount(login, config));
    return verdict === 'right' ? {user: login.user, mayChange: true} : verdict === 'wait' ? 'wait' : 'stranger';
  };
}

function byProxy({config, log}: Pick<HttpOptions, 'config' | 'log'>): Admit {
  const isTrusted = trusting(config.AuthTrustedProxies);
  const trustsAll = config.AuthTrustedProxies.length === 0;
  const name = config.AuthUserHeader.toLowerCase();
  return async (request) => {
    if (!trustsAll && !isTrusted(request.socket.remoteAddress)) return READER;
    const header = request.headers[name];
    const user = (Array.isArray(header) ? header[0] : header) ?? '';
    return {user, mayChange: await isPowerful(user, config, log)};
  };
}

function loginOf(request: FastifyRequest): Login | null {
  const encoded = /^Basic\s+([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : {user: text.slice(0, colon), password: text.slice(colon + 1)};
}

function isAccount(login: Login, config: Config): boolean {
  const user = isSame(login.user, config.HTTPAuthUser);
  return isSame(login.password, config.HTTPAuthPassword) && user;
}

async function isPowerful(user: string, config: Config, log: HttpOptions['log']): Promise<boolean> {
  if (config.PowerAuthUsers.includes('*')) return true;
  if (user === '') return false;
  if (config.PowerAuthUsers.includes(user)) return true;
  if (config.PowerAuthGroups.length === 0) return false;
  try {
    const {stdout} = await promisify(execFile)('id', ['-Gn', '--', user], {timeout: 2000});
    return stdout
      .trim()
      .split(/\s+/)
      .some((group) => config.PowerAuthGroups.includes(group));
  } catch (error) {
    log('warn', `groups of ${JSON.stringify(user)} are unknown, so it may only read: ${messageOf(error)}`);
    return false;
  }
}
