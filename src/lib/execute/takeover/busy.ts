import type {Row, Statement} from '../../flavor/flavor.ts';
import {textOf} from '../../flavor/rows.ts';
import {showBusySessions} from '../../flavor/takeover.ts';
import type {Seconds} from '../../model/units.ts';
import type {BusySession} from '../../plan/takeover/plan.ts';

/** Sessions of clients whose work has lasted longer than this; one that is busy in both ways is told once. */
export async function busySessions(
  server: {say(statement: Statement): Promise<readonly Row[]>},
  limit: Seconds,
): Promise<readonly BusySession[]> {
  const rows = await server.say(showBusySessions(limit));
  const all = rows.map((row) => ({
    id: Number(row['id']),
    user: textOf(row['user']),
    host: textOf(row['host']),
    lasting: Number(row['lasting']),
  }));
  return [...new Map(all.map((one) => [one.id, one])).values()];
}
