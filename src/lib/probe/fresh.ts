import type {InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import type {ProbeOutcome} from './outcome.ts';
import {createProber, type ProbeOptions} from './probe.ts';

/**
 * Reads one server over a connection of its own, which ends with the probe: how a death is confirmed. Never rejects.
 *
 * @param timeout for the handshake and for each answer
 */
export function probeAfresh(options: ProbeOptions, key: InstanceKey, timeout: Milliseconds): Promise<ProbeOutcome> {
  return createProber(options).probe(key, {fresh: true, timeout});
}
