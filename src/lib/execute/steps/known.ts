import {OrchestratorError} from '../../errors/errors.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';

/** @throws OrchestratorError NOT_FOUND for a server that was forgotten since the plan was made */
export function mustKnow(topology: Topology, key: InstanceKey): Instance {
  const known = topology.get(key);
  if (known) return known;
  throw new OrchestratorError('NOT_FOUND', `${keyText(key)} is part of the plan and not known any more`, {
    hint: `discover it, then resume the recovery`,
  });
}
