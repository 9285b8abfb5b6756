import {maxscaleVersion, SHOW_SERVER_ID, showMaxscale, showServerUuid} from '../flavor/maxscale.ts';
import type {Flavor, Row, Statement} from '../flavor/flavor.ts';
import {OrchestratorError, isCode} from '../errors/errors.ts';
import {keyText} from '../model/instance-key.ts';
import type {Session} from '../servers/servers.ts';
import {firstCell, NOTHING, type Answer} from './answers.ts';
import type {Answers} from './ask-server.ts';

/**
 * The version of MaxScale that a server is; null for any other. Asked once a connection.
 *
 * @throws what `Session.query` throws, but for a server that knows no such question
 */
export async function askMaxscaleVersion(session: Session): Promise<string | null> {
  const answer = await ask(session, showMaxscale);
  return 'rows' in answer ? maxscaleVersion(answer.rows) : null;
}

/**
 * What a probe asks a binlog server: one statement at a time, since it takes no two in one message.
 *
 * @throws OrchestratorError SERVER_UNKNOWN for one that was never given a source
 */
export async function askBinlogServer(session: Session, {flavor, version}: {flavor: Flavor; version: string}): Promise<Answers> {
  const facts = await askIdentity(session, version);
  const replicaStatus = await ask(session, flavor.showReplicaStatus);
  if ('rows' in replicaStatus && replicaStatus.rows.length === 0) throw withoutSource(session);
  const binlogStatus = await ask(session, flavor.showBinlogStatus);
  const replicas = await ask(session, flavor.showReplicas);
  return {
    facts: {rows: [facts]},
    replicaStatus,
    binlogStatus,
    replicas,
    semiSyncVariables: NOTHING,
    status: NOTHING,
    dumps: NOTHING,
    account: NOTHING,
    members: NOTHING,
    group: NOTHING,
    lag: NOTHING,
    detections: new Map(),
  };
}

/** Old versions do not say all of it; what they do not say is 0 or ''. */
async function askIdentity(session: Session, version: string): Promise<Row> {
  let id: string | null = null;
  for (const statement of SHOW_SERVER_ID) id ??= await cell(session, statement);
  return {version, server_id: Number(id ?? 0), server_uuid: (await cell(session, showServerUuid)) ?? ''};
}

async function cell(session: Session, statement: Statement): Promise<string | null> {
  const answer = await ask(session, statement);
  return 'rows' in answer ? firstCell(answer.rows) : null;
}

/** That it does not understand is an answer; that it does not answer is none. */
async function ask(session: Session, statement: Statement): Promise<Answer> {
  try {
    return {rows: await session.query(statement)};
  } catch (error) {
    if (isCode(error, 'SERVER_STATEMENT_FAILED')) return {error};
    throw error;
  }
}

function withoutSource({key}: Session): OrchestratorError {
  return new OrchestratorError('SERVER_UNKNOWN', `${keyText(key)} is a binlog server without a source: its replica status is empty`, {
    hint: 'tell it where its source is, or forget it',
  });
}
