import {execFileSync} from 'node:child_process';
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {openBackend} from '../../src/lib/store/open.ts';
import {bench, type Bench} from './support/coordination.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-tls-'));
const pem = (name: string): string => path.join(folder, `${name}.pem`);

/** An authority, and what it signed: the server for this address, the server for another name, and us; and a stranger's authority. */
function makeCertificates(): void {
  const openssl = (...words: readonly string[]) => execFileSync('openssl', words, {stdio: 'pipe', timeout: 30_000});
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      pem(`${name}-key`),
      '-out',
      pem(name),
    );
  const signed = (name: string, names: string) => {
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', pem(`${name}-key`), '-out', pem(`${name}-request`));
    writeFileSync(path.join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
    const sign = [
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      pem(`${name}-request`),
      '-CA',
      pem('ca'),
      '-CAkey',
      pem('ca-key'),
      '-CAcreateserial',
    ];
    openssl(...sign, '-extfile', path.join(folder, `${name}.ext`), '-out', pem(name));
  };
  authority('ca');
  authority('stranger');
  signed('server', 'IP:127.0.0.1,DNS:localhost');
  signed('elsewhere', 'DNS:db.elsewhere.example');
  signed('us', 'DNS:orchestrator');
  chmodSync(folder, 0o755);
  for (const name of ['ca', 'server', 'server-key', 'elsewhere', 'elsewhere-key']) chmodSync(pem(name), 0o644);
}

describe('TLS to the backend', () => {
  let servers: Bench;
  const root = () => servers.servers[0]!;

  beforeAll(async () => {
    makeCertificates();
    servers = await bench('mariadb');
    await root().query("create user strict identified by 'strictpw' require x509");
    await root().query('grant all on orchestrator.* to strict');
    await serve('server');
  });
  afterAll(async () => {
    await servers?.down();
    rmSync(folder, {recursive: true});
  });

  async function serve(certificate: string): Promise<void> {
    await root().stop();
    await root().start([`--ssl-ca=${pem('ca')}`, `--ssl-cert=${pem(certificate)}`, `--ssl-key=${pem(`${certificate}-key`)}`]);
  }

  const config = (but: Partial<Config> = {}): Config => ({
    ...servers.configs[0]!,
    MySQLOrchestratorUser: 'strict',
    MySQLOrchestratorPassword: 'strictpw',
    MySQLOrchestratorUseMutualTLS: true,
    MySQLOrchestratorSSLCAFile: pem('ca'),
    MySQLOrchestratorSSLCertFile: pem('us'),
    MySQLOrchestratorSSLPrivateKeyFile: pem('us-key'),
    ...but,
  });

  async function cipher(but: Partial<Config> = {}): Promise<string> {
    const backend = await openBackend(config(but));
    try {
      const [rows] = (await backend.run(({db}) => db.raw("show status like 'Ssl_cipher'"))) as [{Value: string}[]];
      return rows[0]?.Value ?? '';
    } finally {
      await backend.close();
    }
  }

  test('with our certificate we are let in, and speak in cipher', async () => {
    expect(await cipher()).toMatch(/\w/);
  });

  const noCertificate = {MySQLOrchestratorSSLCertFile: '', MySQLOrchestratorSSLPrivateKeyFile: ''};
  test.each<{what: string; but: Partial<Config>; code: string}>([
    {what: 'without a certificate', but: noCertificate, code: 'BACKEND_ACCESS_DENIED'},
    {what: 'without TLS', but: {MySQLOrchestratorUseMutualTLS: false}, code: 'BACKEND_ACCESS_DENIED'},
    {what: 'trusting another authority', but: {MySQLOrchestratorSSLCAFile: pem('stranger')}, code: 'BACKEND_UNREACHABLE'},
  ])('$what: $code', async ({but, code}) => {
    await expect(cipher(but)).rejects.toMatchObject({code, hint: expect.stringMatching(/\w/)});
  });

  test('a stranger is accepted where verification is off', async () => {
    expect(await cipher({MySQLOrchestratorSSLCAFile: pem('stranger'), MySQLOrchestratorSSLSkipVerify: true})).toMatch(/\w/);
  });

  test('a certificate for another host is refused, unless verification is off', async () => {
    await serve('elsewhere');
    await expect(cipher()).rejects.toMatchObject({code: 'BACKEND_UNREACHABLE', hint: expect.stringMatching(/SSL/)});
    expect(await cipher({MySQLOrchestratorSSLSkipVerify: true})).toMatch(/\w/);
  });
});
