import {setTimeout as sleep} from 'node:timers/promises';
import type {Service} from './service.ts';

/** Long enough for a process on a busy machine; who is stopped says nothing, and that is no contradiction. */
const ANSWER_WITHIN = 2000;
/** Less than a lease: who led at its begin and at its end led all the time. */
const AT_ONCE = 4000;
const ASK_EACH = 20;

/** Who was seen to lead, while services were asked again and again. */
export interface LeaderWatch {
  /** Pairs of processes that both led at one moment; must stay empty. */
  readonly together: readonly string[];
  /** The one that leads now; null while none says so. */
  leader(): Promise<Service | null>;
  stop(): Promise<void>;
}

/** Asks all of them which one leads until it is stopped: no two may at the same time. */
export function watchLeaders(services: readonly Service[]): LeaderWatch {
  const together: string[] = [];
  let stopped = false;
  const watch = async (): Promise<void> => {
    while (!stopped) {
      for (const one of services) await meets(one);
      await sleep(ASK_EACH);
    }
  };
  const meets = async (one: Service): Promise<void> => {
    const began = performance.now();
    if (!(await leads(one))) return;
    const others = services.filter((other) => other !== one);
    const answers = await Promise.all(others.map(leads));
    const beside = others.filter((_, at) => answers[at]).map(({pid}) => pid);
    const stillLeads = beside.length > 0 && (await leads(one));
    if (stillLeads && performance.now() - began < AT_ONCE) together.push(`${one.pid} and ${beside.join(', ')}`);
  };
  const watching = watch();
  return {
    together,
    async leader() {
      const answers = await Promise.all(services.map(leads));
      return services.find((_, at) => answers[at]) ?? null;
    },
    async stop() {
      stopped = true;
      await watching;
    },
  };
}

async function leads(service: Service): Promise<boolean> {
  if (!service.alive) return false;
  try {
    const answer = await fetch(`${service.address}/api/leader-check`, {signal: AbortSignal.timeout(ANSWER_WITHIN)});
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false; // Refused, ended, or too late: nobody says that it leads.
  }
}
