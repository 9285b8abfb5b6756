import type {BackendKind} from '../backends/backend.ts';
import {BACKEND} from './backend.ts';
import {CANDIDATE} from './candidate.ts';
import {CLOCKS} from './clocks.ts';
import {LEADER} from './leader.ts';
import {NETWORK} from './network.ts';
import {PROXIED} from './proxied.ts';
import type {Scenario} from './scene.ts';
import {SERVERS} from './servers.ts';

export const SCENARIOS: readonly Scenario[] = [...LEADER, ...SERVERS, ...CANDIDATE, ...NETWORK, ...CLOCKS, ...BACKEND, ...PROXIED];

/** Those that make sense on a kind of backend. */
export function scenariosOn(kind: BackendKind): readonly Scenario[] {
  return SCENARIOS.filter(({on}) => on?.includes(kind) ?? true);
}
