import {channel} from 'node:diagnostics_channel';
import {appendFile} from 'node:fs/promises';
import {messageOf} from '../errors/errors.ts';
import {keyText} from '../model/instance-key.ts';
import {writeAudit, type AuditEntry} from '../store/audit.ts';
import type {Context} from './context.ts';

export type {AuditEntry} from '../store/audit.ts';

/**
 * Records what was done: in the backend where AuditToBackendDB is set, in AuditLogFile where there is one. It is done by then, so
 * that it cannot be recorded is told and does not make it undone.
 */
export async function audit(context: Pick<Context, 'config' | 'backend' | 'warn'>, entry: AuditEntry): Promise<void> {
  const {AuditToBackendDB, AuditLogFile} = await context.config();
  try {
    channel('orchestrator:audit').publish(entry);
    if (AuditToBackendDB) await writeAudit(await context.backend(), entry);
    if (AuditLogFile !== '') await appendFile(AuditLogFile, auditLine(entry, new Date()));
  } catch (error) {
    context.warn(`${entry.type} is done, but could not be audited: ${messageOf(error)}`);
  }
}

/** As it is sent to syslog. */
export function auditSentence({type, key, cluster, message}: AuditEntry): string {
  return `auditType:${type} instance:${key ? keyText(key) : ''} cluster:${cluster ?? ''} message:${message}`;
}

/** One line of AuditLogFile: `time`, type, host, port, `[cluster]` and message, each followed by a tab. */
export function auditLine({type, key, cluster, message}: AuditEntry, at: Date): string {
  const time = at.toISOString().slice(0, 19).replace('T', ' ');
  const oneLine = message.replaceAll(/\s+/g, ' ');
  return `${[time, type, key?.host ?? '', key?.port ?? 0, `[${cluster ?? ''}]`, oneLine].join('\t')}\t\n`;
}
