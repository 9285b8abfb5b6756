import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import {registerCandidate} from '../../store/candidates.ts';
import {forgetCluster, forgetInstance, placeInstances} from '../../store/instances.ts';
import {cluster, instance, warnIfUnknown} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import type {Context, Discovered} from '../context.ts';
import {define} from '../define.ts';
import {flag, promotionRule} from '../fields.ts';
import {about} from '../replies.ts';
import {keyLine} from '../say.ts';

const SECTION = 'Instance management';

export const discover = define({
  name: 'discover',
  section: SECTION,
  formerly: [],
  about: 'Look at a server now, and make it and its topology known',
  examples: ['discover -i db1:3306', 'discover 127.0.0.1:3307'],
  input: {instance: instance('the server'), only: flag('only', 'look at this server alone, not at what it replicates from and to')},
  changes: 'backend',
  async run(context, input): Promise<Discovered> {
    const found = await context.discover({instance: input.instance, drill: !input.only});
    for (const other of found.others) if (other.problem !== null) context.warn(`${keyText(other.key)}: ${other.problem}`);
    return found;
  },
  print: ({instance: found}) => [keyText(found.key)],
  legacy: {
    http: [
      {
        path: 'discover/:host/:port',
        reply: {
          shape: 'instance',
          from: (found) => found.instance,
          message: (found) => `Instance discovered: ${keyText(found.instance.key)}`,
        },
      },
      {
        path: 'refresh/:host/:port',
        reply: {
          shape: 'key',
          from: (found) => found.instance.key,
          message: (found) => `Instance refreshed: ${keyText(found.instance.key)}`,
        },
        fixed: {only: 'true'},
      },
    ],
  },
});

export const asyncDiscover = define({
  name: 'async-discover',
  section: SECTION,
  formerly: [],
  about: 'Let the leader look at a server soon, without waiting for it',
  details:
    'Only puts the name on the list of servers to look at. Whether it can be reached shows in all-instances and which-instance later.',
  examples: ['async-discover -i db1:3306'],
  input: {instance: instance('the server')},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    await placeInstances(await context.backend(), [input.instance]);
    return input.instance;
  },
  print: keyLine,
  legacy: {http: [{path: 'async-discover/:host/:port', reply: {shape: 'nothing', message: about('Instance to be discovered')}}]},
});

/** As long as the predecessor does. */
const POLLS_KEPT_OUT = 3;

async function keptOutFor(context: Context): Promise<Seconds> {
  return POLLS_KEPT_OUT * (await context.config()).InstancePollSeconds;
}

export const forgetOperation = define({
  name: 'forget',
  section: SECTION,
  formerly: [],
  about: 'Remove an instance from the backend; it comes back when it is discovered again',
  details:
    'For three times InstancePollSeconds nobody but discover, async-discover and DiscoverySeeds brings it back. After that it is found again where a known server replicates from it or to it.',
  examples: ['forget -i db9:3306'],
  input: {instance: instance('the instance, as it is known; its name is not resolved', {required: true, raw: true})},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    if (!(await forgetInstance(await context.backend(), input.instance, await keptOutFor(context))))
      throw new OrchestratorError('NOT_FOUND', `${keyText(input.instance)} is not known`, {
        hint: 'orchestrator all-instances lists what is',
      });
    await audit(context, {type: 'forget', key: input.instance, message: ''});
    return input.instance;
  },
  print: keyLine,
  legacy: {http: [{path: 'forget/:host/:port', reply: {shape: 'key', message: about('Instance forgotten')}}]},
});

export const forgetClusterOperation = define({
  name: 'forget-cluster',
  section: SECTION,
  formerly: [],
  about: 'Remove all instances of a cluster from the backend',
  details: 'As forget of each of them.',
  examples: ['forget-cluster -a old-shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'backend',
  async run(context, input): Promise<string> {
    const keys = await forgetCluster(await context.backend(), input.cluster, await keptOutFor(context));
    for (const key of keys) await audit(context, {type: 'forget', key, message: `with cluster ${input.cluster}`});
    return input.cluster;
  },
  print: () => [],
  json: (name) => ({cluster: name}),
  legacy: {http: [{path: 'forget-cluster/:clusterHint', reply: {shape: 'nothing', message: (name) => `Cluster forgotten: ${name}`}}]},
});

export const registerCandidateOperation = define({
  name: 'register-candidate',
  section: SECTION,
  formerly: [],
  about: 'Say how much an instance is wanted as the next source; to be repeated before CandidateInstanceExpireMinutes have passed',
  examples: ['register-candidate -i db2 --promotion-rule prefer', 'register-candidate -i backup1 --promotion-rule must_not'],
  input: {instance: instance('the instance'), rule: promotionRule('how much')},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    await warnIfUnknown(context, input.instance);
    await registerCandidate(await context.backend(), input.instance, input.rule);
    await audit(context, {type: 'register-candidate', key: input.instance, message: input.rule});
    return input.instance;
  },
  print: keyLine,
  legacy: {
    http: [
      {
        path: 'register-candidate/:host/:port/:promotionRule',
        reply: {shape: 'key', message: about('Registered candidate')},
        params: {promotionRule: 'promotion-rule'},
      },
    ],
  },
});
