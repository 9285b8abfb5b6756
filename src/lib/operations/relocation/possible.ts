import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Instance} from '../../model/instance.ts';
import {Topology} from '../../model/topology.ts';
import {whyCannotReplicate} from '../../plan/can-replicate.ts';
import {vetoOnGtid} from '../../plan/relocation/gtid.ts';
import {knownInstance, mustKnow} from '../addressing.ts';
import type {Context} from '../context.ts';
import {define, type LegacyRoute, type Operation} from '../define.ts';
import {allInstances} from '../reads.ts';
import {keyLine} from '../say.ts';
import {SECTION, target} from './ask.ts';

type Doubt = (self: Instance, other: Instance, context: Context) => Promise<string | null>;

/** Answers whom it could replicate from, or fails with the reason. */
function possibleCommand(name: string, about: string, doubt: Doubt): Operation {
  const route: LegacyRoute<InstanceKey> = {
    path: `${name}/:host/:port/:belowHost/:belowPort`,
    params: {below: 'destination'},
    reply: {shape: 'key', message: () => 'true'},
  };
  return define({
    name,
    section: SECTION,
    formerly: [],
    about,
    details: 'As the backend knows both; nothing is asked of them. Standard error says why not.',
    examples: [`${name} -i db3 -d db2`],
    input: {instance: knownInstance('the instance that would replicate'), below: target('from whom')},
    changes: 'nothing',
    async run(context, {instance: self, below}) {
      const other = await mustKnow(context, below);
      const because = await doubt(self, other, context);
      if (because === null) return other.key;
      throw new OrchestratorError('REFUSED', because);
    },
    print: keyLine,
    legacy: {lenient: {REFUSED: []}, http: [route]},
    exits: {4: 'it could not'},
  });
}

async function bySettings(self: Instance, other: Instance, context: Context): Promise<string | null> {
  const because = whyCannotReplicate(self, other, await context.config());
  return because === null ? null : `${keyText(self.key)} cannot replicate from ${keyText(other.key)}, because ${because}`;
}

async function byGtid(self: Instance, other: Instance, context: Context): Promise<string | null> {
  const topology = new Topology(await allInstances(context));
  const wish = {command: 'can-replicate-from-gtid', do: 'move-gtid', instance: self.key, below: other.key} as const;
  const veto = vetoOnGtid(self, other, {topology, policy: await context.config(), wish, equivalent: () => null});
  return (await bySettings(self, other, context)) ?? veto?.because ?? null;
}

export const canReplicateFrom = possibleCommand(
  'can-replicate-from',
  'Whether an instance could replicate from another, by their settings',
  bySettings,
);

export const canReplicateFromGtid = possibleCommand(
  'can-replicate-from-gtid',
  'Whether an instance could replicate from another by GTID: settings, and transactions the other lacks or has purged',
  byGtid,
);
