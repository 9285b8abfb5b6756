import type {Backend} from '../store/backend.ts';

/** The highest term there was; 0 before the first leader. */
export async function readTerm(backend: Backend): Promise<number> {
  const row = (await backend.run(({db}) => db('leader_term').where({anchor: 1}).first('term'))) as {term: number | string} | undefined;
  return Number(row?.term ?? 0);
}
