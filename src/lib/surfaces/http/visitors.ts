import {execFile} from 'node:child_process';
import {createHash, timingSafeEqual} from 'node:crypto';
import {promisify} from 'node:util';
import type {FastifyRequest} from 'fastify';
import type {Config} from '../../config/keys.ts';
import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {HttpOptions} from './server.ts';

/** Somebody who asks over HTTP. */
export interface Visitor {
  /** '' where nobody had to say who they are. */
  readonly user: string;
  readonly mayChange: boolean;
}

/** Null: turned away, with 401. */
type Admit = (request: FastifyRequest) => Visitor | null | Promise<Visitor | null>;

const METHODS = ['basic', 'multi', 'proxy', 'token', 'oauth'] as const;
type Method = (typeof METHODS)[number];

/**
 * Who a request is from and what they may do, by AuthenticationMethod. ReadOnly overrules them all. A method that cannot say
 * yes for certain says no.
 *
 * @throws OrchestratorError CONFIG_INVALID where everybody could change everything by mistake
 */
export function admission({config, log}: Pick<HttpOptions, 'config' | 'log'>): Admit {
  const method = METHODS.find((one) => one === config.AuthenticationMethod.toLowerCase()) ?? null;
  if (method === 'multi' && config.HTTPAuthUser === '') {
    throw new OrchestratorError('CONFIG_INVALID', 'AuthenticationMethod is "multi", and HTTPAuthUser is empty', {
      hint: 'set HTTPAuthUser and HTTPAuthPassword',
    });
  }
  const admit = admitBy(method, config, log);
  return async (request) => {
    const visitor = await admit(request);
    return visitor && config.ReadOnly ? {...visitor, mayChange: false} : visitor;
  };
}

function admitBy(method: Method | null, config: Config, log: HttpOptions['log']): Admit {
  switch (method) {
    case 'basic':
      return (request) => {
        const login = loginOf(request);
        return login !== null && isAccount(login, config) ? {user: login.user, mayChange: true} : null;
      };
    case 'multi':
      return (request) => {
        const login = loginOf(request);
        if (login?.user === 'readonly') return {user: login.user, mayChange: false};
        return login !== null && isAccount(login, config) ? {user: login.user, mayChange: true} : null;
      };
    case 'proxy':
      return async (request) => {
        const header = request.headers[config.AuthUserHeader.toLowerCase()];
        const user = (Array.isArray(header) ? header[0] : header) ?? '';
        return {user, mayChange: await isPowerful(user, config, log)};
      };
    case 'token':
    case 'oauth':
      return () => ({user: '', mayChange: false});
    default:
      return () => ({user: '', mayChange: true});
  }
}

interface Login {
  readonly user: string;
  readonly password: string;
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

/** Takes as long for a near miss as for any other text. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
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
