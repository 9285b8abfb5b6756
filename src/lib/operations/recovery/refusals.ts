import {readRefusals, type StandingRefusal} from '../../store/recovery/refusals.ts';
import type {Ports} from '../context.ts';

/** Why the leader does not recover what there would be to recover, the latest refusal first; empty when nothing is refused. */
export async function standingRefusals(ports: Pick<Ports, 'backend'>): Promise<readonly Omit<StandingRefusal, 'candidates'>[]> {
  const found = await readRefusals(await ports.backend());
  return found.map(({key, cluster, analysis, code, because, by, term, at}) => ({key, cluster, analysis, code, because, by, term, at}));
}
