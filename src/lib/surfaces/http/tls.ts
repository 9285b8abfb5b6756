import {unwatchFile, watchFile} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {TLSSocket, type Server} from 'node:tls';
import type {FastifyInstance, FastifyRequest} from 'fastify';
import type {Config} from '../../config/keys.ts';
import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {HttpOptions} from './server.ts';
import {statusPath} from './status.ts';

interface TlsOptions {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly ca?: Buffer;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/**
 * Certificates of the service, and whether callers are asked for theirs. One without, or with one that nobody signed, is let in here
 * and turned away by `checkUnit`: status checks may come without.
 */
export async function tlsOptions(config: Config): Promise<TlsOptions> {
  const [key, cert] = [await read(config, 'SSLPrivateKeyFile'), await read(config, 'SSLCertFile')];
  const ca = config.SSLCAFile === '' ? {} : {ca: await read(config, 'SSLCAFile')};
  return {key, cert, ...ca, requestCert: config.UseMutualTLS, rejectUnauthorized: false};
}

const LOOK_EACH: Milliseconds = 1000;

/**
 * Takes certificates up when their files change, as programs that renew them expect: connections that are open go on with the old ones.
 * Files that do not fit together change nothing, until they do.
 */
export function followCertificates(app: FastifyInstance, {config, log}: Pick<HttpOptions, 'config' | 'log'>): void {
  const files = [config.SSLPrivateKeyFile, config.SSLCertFile, config.SSLCAFile].filter((file) => file !== '');
  const take = async (): Promise<void> => {
    try {
      const {key, cert, ca} = await tlsOptions(config);
      (app.server as unknown as Server).setSecureContext({key, cert, ...(ca === undefined ? {} : {ca})});
      log('info', 'certificates were read again');
    } catch (error) {
      log('warn', `certificates have changed and cannot be used; those of before go on: ${messageOf(error)}`);
    }
  };
  const changed = (): void => void take();
  for (const file of files) watchFile(file, {interval: LOOK_EACH, persistent: false}, changed);
  app.addHook('onClose', () => {
    for (const file of files) unwatchFile(file, changed);
  });
}

/**
 * With mutual TLS a caller's certificate has to be signed by SSLCAFile, unless SSLSkipVerify, and of one of SSLValidOUs; the status check
 * may be let off, and nothing that merely has its path in it.
 */
export function checkUnit(request: FastifyRequest, config: Config): boolean {
  if (!config.UseMutualTLS || !config.UseSSL || config.ListenSocket !== '') return true;
  if (!config.StatusOUVerify && request.url.split('?')[0]?.replace(/\/$/, '') === statusPath(config)) return true;
  const {socket} = request;
  if (!(socket instanceof TLSSocket) || !(socket.authorized || config.SSLSkipVerify)) return false;
  const unit: unknown = socket.getPeerCertificate().subject?.OU;
  const units: readonly unknown[] = Array.isArray(unit) ? unit : [unit];
  return config.SSLValidOUs.some((valid) => units.includes(valid));
}

async function read(config: Config, key: 'SSLPrivateKeyFile' | 'SSLCertFile' | 'SSLCAFile'): Promise<Buffer> {
  try {
    return await readFile(config[key]);
  } catch (error) {
    throw new OrchestratorError('CONFIG_UNREADABLE', `${key} cannot be read: ${messageOf(error)}`, {
      hint: 'UseSSL needs SSLPrivateKeyFile and SSLCertFile',
      cause: error,
    });
  }
}
