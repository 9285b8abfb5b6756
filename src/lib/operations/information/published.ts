import {keyText} from '../../model/instance-key.ts';
import type {Submitted} from '../../execute/discovery/submit.ts';
import {optionalCluster} from '../addressing.ts';
import {define} from '../define.ts';
import type {Reply} from '../replies.ts';

const reply: Reply<Submitted> = {
  shape: 'plain',
  from: ({pairs}) => pairs.map(({key, value}) => ({Key: key, Value: value})),
  message: ({pairs}) => `Submitted ${pairs.length} masters`,
};

export const submitSourcesToKeyValueStores = define({
  name: 'submit-masters-to-kv-stores',
  section: 'Names',
  formerly: [],
  about: 'Write the sources of all clusters, or of one, to where clients look for them, now',
  details:
    'To the backend, ZooKeeper, Consul and ProxySQL, as configured, whatever was there. A source that is down, read-only or downtimed is never written, nor one whose cluster is being changed. The leader does the same for what is missing or stale, each KVRepairSeconds.',
  examples: ['submit-masters-to-kv-stores', 'submit-masters-to-kv-stores -a shop'],
  input: {cluster: optionalCluster('only this one')},
  changes: 'backend',
  async run(context, input) {
    // Only here: other commands need none of it.
    const {submitSources} = await import('../../execute/discovery/submit.ts');
    const submitted = await submitSources({backend: await context.backend(), config: await context.config()}, input.cluster);
    for (const {directory, sentence} of submitted.failed) context.warn(`${directory}: ${sentence}`);
    for (const {cluster, source} of submitted.busy)
      context.warn(`${keyText(source)} was left out: somebody is changing cluster ${cluster.name}`);
    return submitted;
  },
  print: ({pairs}) => pairs.map(({key, value}) => `${key}:${value}`),
  json: ({pairs, failed}) => ({pairs, failed: failed.map(({directory, sentence}) => ({directory, because: sentence}))}),
  status: ({failed}) => (failed.length === 0 ? 0 : 1),
  legacy: {
    http: [
      {path: 'submit-masters-to-kv-stores', reply},
      {path: 'submit-masters-to-kv-stores/:clusterHint', reply},
    ],
  },
});
