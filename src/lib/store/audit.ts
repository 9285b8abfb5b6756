import type {InstanceKey} from '../model/instance-key.ts';
import type {BackendTime, Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'audit';
const fit = fitter(TABLE);
/** Rows of one page, of every paged list. */
export const PAGE = 20;

export interface AuditEntry {
  /** What was done, in the words of 3.2.6: `begin-downtime`, `recover-dead-master` … */
  readonly type: string;
  readonly key?: InstanceKey | null;
  readonly cluster?: string;
  readonly message: string;
}

export interface AuditRecord extends Required<AuditEntry> {
  readonly id: number;
  readonly at: BackendTime;
}

/** Row of `audit`, exactly as stored; never leaves this file. */
interface AuditRow {
  audit_id: number;
  audit_timestamp: string;
  audit_type: string;
  hostname: string;
  port: number;
  cluster_name: string;
  message: string;
}

export async function writeAudit(backend: Backend, {type, key, cluster, message}: AuditEntry): Promise<void> {
  const row = fit({audit_type: type, hostname: key?.host ?? '', port: key?.port ?? 0, cluster_name: cluster ?? '', message});
  await backend.run(({db, dialect}) => db(TABLE).insert({...row, audit_timestamp: dialect.now()}));
}

/** One page, newest first. @param of page from 0 on; one instance, or all */
export async function readAudit(
  backend: Backend,
  of: {readonly page?: number; readonly key?: InstanceKey} = {},
): Promise<readonly AuditRecord[]> {
  const rows: readonly AuditRow[] = await backend.run(({db}) => {
    const query = db(TABLE)
      .orderBy('audit_id', 'desc')
      .limit(PAGE)
      .offset((of.page ?? 0) * PAGE);
    return of.key === undefined ? query : query.where({hostname: of.key.host, port: of.key.port});
  });
  return rows.map(fromRow);
}

export async function purgeAudit(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db(TABLE).where('audit_timestamp', '<', dialect.ago(lasting)).delete());
}

function fromRow(row: AuditRow): AuditRecord {
  return {
    id: row.audit_id,
    at: row.audit_timestamp,
    type: row.audit_type,
    key: row.hostname === '' ? null : {host: row.hostname, port: row.port},
    cluster: row.cluster_name,
    message: row.message,
  };
}
