import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {request} from 'node:https';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {connect} from 'node:tls';
import {afterAll, afterEach, beforeAll, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {listen} from '../../src/lib/surfaces/http/listen.ts';
import {waitFor} from '../sandbox/index.ts';
import {defaults, portsOver, serving} from './support/operations.ts';

type App = Awaited<ReturnType<typeof serving>>;

const folder = mkdtempSync(path.join(tmpdir(), 'mutual-tls-'));
const pem = (name: string): string => path.join(folder, `${name}.pem`);
const apps: App[] = [];
const logged: string[] = [];

/** An authority and what it signed: the service, somebody of unit "ops", of unit "guests"; and "ops" by its own word. */
beforeAll(() => {
  const openssl = (...words: readonly string[]) => execFileSync('openssl', words, {stdio: 'pipe', timeout: 30_000});
  const key = (name: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', pem(`${name}-key`)];
  const own = (name: string, subject: string) => openssl('req', '-x509', ...key(name), '-days', '2', '-subj', subject, '-out', pem(name));
  const signed = (name: string, subject: string): void => {
    openssl('req', ...key(name), '-subj', subject, '-out', pem(`${name}-request`));
    const authority = ['-CA', pem('ca'), '-CAkey', pem('ca-key'), '-CAcreateserial'];
    openssl('x509', '-req', '-days', '2', '-in', pem(`${name}-request`), ...authority, '-out', pem(name));
  };
  own('ca', '/CN=ca');
  own('stranger', '/CN=stranger/OU=ops');
  signed('server', '/CN=localhost');
  signed('ops', '/CN=ann/OU=ops');
  signed('guest', '/CN=bob/OU=guests');
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

async function serve(but: Partial<Config> = {}): Promise<number> {
  const files = {SSLPrivateKeyFile: pem('server-key'), SSLCertFile: pem('server'), SSLCAFile: pem('ca')};
  const config = {...defaults, UseSSL: true, UseMutualTLS: true, SSLValidOUs: ['ops'], ...files, ...but};
  const app = await serving({config, ports: portsOver({} as Backend, config), log: (_level, sentence) => logged.push(sentence)});
  apps.push(app);
  return Number(new URL(await listen(app, {ListenAddress: '127.0.0.1:0', ListenSocket: ''})).port);
}

/** Status of an answer to somebody with this certificate; null: without one. */
function ask(port: number, url: string, who: string | null): Promise<number> {
  const identity = who === null ? {} : {key: readFileSync(pem(`${who}-key`)), cert: readFileSync(pem(who))};
  return new Promise((resolve, reject) => {
    request({host: '127.0.0.1', port, path: url, rejectUnauthorized: false, agent: false, ...identity}, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test.each([
  {who: 'ops', status: 200},
  {who: 'guest', status: 401},
  {who: 'stranger', status: 401},
  {who: null, status: 401},
])('a certificate of $who: $status', async ({who, status}) => {
  const port = await serve();
  expect(await ask(port, '/api/lb-check', who)).toBe(status);
  expect(await ask(port, '/api/v4/automated-recovery-filters', who)).toBe(status);
});

test('the status check needs no certificate, unless StatusOUVerify; nothing else does without', async () => {
  const port = await serve();
  expect(await ask(port, '/api/status', null)).toBe(200);
  expect(await ask(port, '/api/status/?x=1', null)).toBe(200);
  for (const url of ['/api/begin-downtime/a/3306/api/status', '/api/lb-check?/api/status', '/api/statusx', '/api/status/../lb-check'])
    expect({url, status: await ask(port, url, null)}).toEqual({url, status: 401});
  expect(await ask(await serve({StatusOUVerify: true}), '/api/status', null)).toBe(401);
});

test('with SSLSkipVerify the unit of any certificate counts', async () => {
  const port = await serve({SSLSkipVerify: true});
  expect(await ask(port, '/api/lb-check', 'stranger')).toBe(200);
  expect(await ask(port, '/api/lb-check', 'guest')).toBe(401);
  expect(await ask(port, '/api/lb-check', null)).toBe(401);
});

test('certificates that were renewed are taken up, and half a renewal changes nothing', async () => {
  const files = {SSLPrivateKeyFile: pem('renewed-key'), SSLCertFile: pem('renewed')};
  const renew = (from: string, ...what: readonly ('cert' | 'key')[]): void => {
    if (what.includes('key')) copyFileSync(pem(`${from}-key`), files.SSLPrivateKeyFile);
    if (what.includes('cert')) copyFileSync(pem(from), files.SSLCertFile);
  };
  renew('server', 'cert', 'key');
  logged.length = 0;
  const port = await serve(files);
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({host: '127.0.0.1', port, rejectUnauthorized: false}, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  expect(await shown()).toBe('localhost');
  // Written anew at each look: the first may come before the files are watched.
  const halfIsTold = (): boolean => {
    renew('ops', 'cert');
    return logged.some((line) => line.includes('cannot be used'));
  };
  await waitFor('half a renewal is told', halfIsTold, {within: 30_000});
  expect(await shown()).toBe('localhost');
  const newIsShown = async (): Promise<boolean> => {
    renew('ops', 'cert', 'key');
    return (await shown()) === 'ann';
  };
  await waitFor('the new certificate is shown', newIsShown, {within: 30_000});
});

test('a certificate lets nobody do what their login does not', async () => {
  const port = await serve({ReadOnly: true});
  expect(await ask(port, '/api/disable-global-recoveries', 'ops')).toBe(500);
  expect(await ask(await serve({AuthenticationMethod: 'basic', HTTPAuthUser: 'a', HTTPAuthPassword: 'b'}), '/api/lb-check', 'ops')).toBe(
    401,
  );
});
