import type {Node} from './node.ts';

const ANSWER_WITHIN = 500;

/** Whether a node says that it leads; null when it says nothing. */
export async function leads(node: Node): Promise<boolean | null> {
  if (!node.alive) return null;
  try {
    const answer = await fetch(`http://127.0.0.1:${node.port}/api/leader-check`, {signal: AbortSignal.timeout(ANSWER_WITHIN)});
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return null; // Refused, cut off, or too late: no answer, whatever the reason.
  }
}
