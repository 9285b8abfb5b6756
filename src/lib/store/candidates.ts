import type {InstanceKey} from '../model/instance-key.ts';
import type {PromotionRule} from '../model/instance.ts';
import type {BackendTime, Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';

const TABLE = 'candidate_database_instance';

export interface Candidate {
  readonly key: InstanceKey;
  readonly rule: PromotionRule;
  readonly since: BackendTime;
}

/** Row of `candidate_database_instance`; never leaves this file. */
interface CandidateRow {
  hostname: string;
  port: number;
  promotion_rule: PromotionRule;
  last_suggested: string;
}

/** Says how much an instance is wanted as a source; has to be said again within CandidateInstanceExpireMinutes. */
export async function registerCandidate(backend: Backend, key: InstanceKey, rule: PromotionRule): Promise<void> {
  await backend.run(({db, dialect}) =>
    db(TABLE)
      .insert({hostname: key.host, port: key.port, promotion_rule: rule, last_suggested: dialect.now()})
      .onConflict(['hostname', 'port'])
      .merge(),
  );
}

export async function readCandidates(backend: Backend): Promise<readonly Candidate[]> {
  const rows: readonly CandidateRow[] = await backend.run(({db}) =>
    db(TABLE).select('hostname', 'port', 'promotion_rule', 'last_suggested').orderBy(['hostname', 'port']),
  );
  return rows.map((row) => ({key: {host: row.hostname, port: row.port}, rule: row.promotion_rule, since: row.last_suggested}));
}

export async function expireCandidates(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db(TABLE).where('last_suggested', '<', dialect.ago(lasting)).delete());
}
