import type {TermOptions} from './term.ts';
import type {ServiceOptions} from './serve.ts';
import {forgetAbsentNodes} from '../coordination/nodes.ts';

const MINUTE = 60_000;

/** Periodic work of the leader beside probing: what runs out, what was forgotten, names that follow from others. */
export function choresOf({backend}: Pick<ServiceOptions, 'backend' | 'config'>): TermOptions['chores'] {
  return [{what: 'forgetting absent nodes', period: MINUTE, run: () => forgetAbsentNodes(backend)}];
}
