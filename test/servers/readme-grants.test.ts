import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {Flavor as Language, Statement} from '../../src/lib/flavor/flavor.ts';
import {flavorOf} from '../../src/lib/flavor/flavors.ts';
import {showPrivilegedSessions} from '../../src/lib/flavor/sessions.ts';
import {Client, sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const MANAGER = {user: 'orchestrator', password: 'secret'};

/** The statements of the first block of SQL that follows a line which begins so. */
function statementsAfter(line: string): readonly string[] {
  const block = new RegExp(`^${line}[^]*?\`\`\`sql\n([^]*?)\`\`\``, 'm').exec(README)?.[1] ?? '';
  return block
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** What probing reads, and what the steps of a recovery do to a replica, in an order that leaves it replicating. */
function everything(
  language: Language,
  {source, session, semiSync}: {source: Instance; session: number; semiSync: boolean},
): readonly Statement[] {
  const {showReplicationAccount, showReplicationCredentials, showGroupMembers} = language;
  const to = {source: source.key, gtid: true, credentials: {user: 'repl', password: 'replpw'}};
  return [
    language.showFacts,
    language.showReplicaStatus,
    language.showBinlogStatus,
    language.showReplicas,
    language.showDumps,
    ...[showReplicationAccount, showReplicationCredentials, showGroupMembers].filter((statement) => statement !== null),
    language.stopReceiver,
    language.startReceiver,
    language.stopApplier,
    language.startApplier,
    language.stopReplication,
    language.pointAt(to),
    language.pointAt({...to, formerSource: true}),
    language.startReplication,
    ...language.setReadOnly(false, true),
    ...language.setReadOnly(true, true),
    ...(semiSync ? [language.setSemiSync('replica', true)] : []),
    language.stopReplication,
    language.forgetSource,
    language.kill(session),
  ];
}

describe.each<{flavor: Flavor; under: string; semiSync: boolean}>([
  {flavor: 'mariadb', under: 'MariaDB 10.5 and later', semiSync: true},
  {flavor: 'mysql9', under: 'MySQL 8.0 and later', semiSync: true},
  // This build of 5.6 comes without the plugins of semi-sync.
  {flavor: 'mysql56', under: 'MySQL 5.6 and 5.7', semiSync: false},
])('the grants of the README on $flavor', ({flavor, under, semiSync}) => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox({flavor});
  });
  afterAll(() => box.down());

  test('are enough for every statement there is, and let no data be read', async () => {
    const {a, b} = await box.topology('a: b', {semiSync});
    await a.query('CREATE DATABASE shop');
    await a.query('CREATE TABLE shop.x (i INT PRIMARY KEY)');
    for (const statement of statementsAfter(under)) await a.query(statement);
    await box.caughtUp();
    const manager = new Client(b.key.port, MANAGER);
    const app = new Client(b.key.port, {user: 'app', password: 'apppw'});
    const powerful = b.connect('root');
    try {
      // What an account may do is hidden from us; read_only would not stop this one.
      const [{idle} = {idle: 0}] = await powerful.query<{idle: number}>('SELECT CONNECTION_ID() AS idle');
      const found = await manager.query<{id: number}>(showPrivilegedSessions.text);
      expect(found.map(({id}) => Number(id))).toContain(Number(idle));
      const [{session} = {session: 0}] = await app.query<{session: number}>('SELECT CONNECTION_ID() AS session');
      const [identity = {version: '', versionComment: ''}] = await manager.query<{version: string; versionComment: string}>(
        'SELECT @@version AS version, @@version_comment AS versionComment',
      );
      const refused: string[] = [];
      for (const {text, values} of everything(flavorOf(identity), {source: a, session, semiSync})) {
        await manager.query(text, values).catch((error: Error) => refused.push(`${text}: ${error.message}`));
      }
      expect(refused).toEqual([]);
      await expect(manager.query('SELECT * FROM shop.x')).rejects.toMatchObject({errno: 1142});
    } finally {
      manager.close();
      app.close();
      powerful.close();
    }
  });
});
