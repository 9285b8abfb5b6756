import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, parseInstanceKey, type InstanceKey} from '../../model/instance-key.ts';
import {overrideAlias} from '../../store/aliases.ts';
import {GENERAL, readAttribute, writeAttribute} from '../../store/attributes.ts';
import {cluster} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import type {Context} from '../context.ts';
import {define, type Field} from '../define.ts';
import {text} from '../fields.ts';
import {clusterInfos, instancesOf, type ClusterInfo} from '../reads.ts';
import {keyLine} from '../say.ts';

const SECTION = 'Information';

async function infoOf(context: Context, name: string): Promise<ClusterInfo> {
  const info = (await clusterInfos(context)).find((one) => one.name === name);
  if (info) return info;
  throw new OrchestratorError('NOT_FOUND', `cluster ${name} is gone`);
}

async function domainOf(context: Context, name: string): Promise<string> {
  const {domain} = await infoOf(context, name);
  if (domain !== '') return domain;
  throw new OrchestratorError('NOT_FOUND', `cluster ${name} has no domain`, {hint: 'DetectClusterDomainQuery asks its source for one'});
}

export const whichClusterDomain = define({
  name: 'which-cluster-domain',
  section: SECTION,
  formerly: [],
  about: 'The domain of a cluster; an empty line when it has none',
  examples: ['which-cluster-domain -a shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  run: async (context, input) => infoOf(context, input.cluster),
  print: (info) => [info.domain],
});

export const whichHeuristicDomainInstance = define({
  name: 'which-heuristic-domain-instance',
  section: SECTION,
  formerly: [],
  about: "The instance that was noted for the cluster's domain by set-heuristic-domain-instance",
  examples: ['which-heuristic-domain-instance -a shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'nothing',
  async run(context, input): Promise<InstanceKey> {
    const domain = await domainOf(context, input.cluster);
    const noted = await readAttribute(await context.backend(), GENERAL, domain);
    if (noted !== null) return parseInstanceKey(noted, (await context.config()).DefaultInstancePort);
    throw new OrchestratorError('NOT_FOUND', `no instance is noted for the domain ${domain}`, {
      hint: 'orchestrator set-heuristic-domain-instance notes the writable one',
    });
  },
  print: keyLine,
});

export const setHeuristicDomainInstance = define({
  name: 'set-heuristic-domain-instance',
  section: 'Instance management',
  formerly: [],
  about: "Note a cluster's writable source for the domain of the cluster",
  examples: ['set-heuristic-domain-instance -a shop'],
  input: {cluster: cluster('the cluster')},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    const domain = await domainOf(context, input.cluster);
    const tops = (await instancesOf(context, input.cluster)).filter((one) => one.cluster.depth === 0 || one.cluster.isCoSource);
    const [writer, ...others] = tops.filter((one) => !one.readOnly);
    if (!writer || others.length > 0) {
      const found = writer ? [writer, ...others].map((one) => keyText(one.key)).join(', ') : 'none';
      throw new OrchestratorError('REFUSED', `cluster ${input.cluster} must have exactly one writable source, and has ${found}`);
    }
    await writeAttribute(await context.backend(), {host: GENERAL, name: domain, value: keyText(writer.key)});
    await audit(context, {type: 'set-heuristic-domain-instance', key: writer.key, cluster: input.cluster, message: domain});
    return writer.key;
  },
  print: keyLine,
});

/** A cluster by its exact name: nobody names one after an instance that happens to sound like it. */
const NAMED: Field<string> = {
  options: [{name: 'cluster', value: 'NAME', about: 'the cluster, by its name'}],
  required: true,
  bare: 'cluster',
  read({cluster: given = ''}) {
    const name = given.trim();
    if (name === '') throw new OrchestratorError('INPUT_INVALID', '--cluster is missing: the cluster, by its name');
    return async (context) => (await infoOf(context, name)).name;
  },
};

export const setClusterAlias = define({
  name: 'set-cluster-alias',
  section: 'Instance management',
  formerly: [],
  about: 'Give a cluster an alias by hand, which no detected one overrides',
  details: 'It shows as soon as the instances of the cluster were looked at again.',
  examples: ['set-cluster-alias db1:3306 --alias shop'],
  input: {cluster: NAMED, alias: text({name: 'alias', short: 'a', value: 'NAME', about: 'the alias'})},
  changes: 'backend',
  async run(context, input): Promise<{readonly cluster: string; readonly alias: string}> {
    await overrideAlias(await context.backend(), input.cluster, input.alias);
    await audit(context, {type: 'set-cluster-alias', cluster: input.cluster, message: `${input.alias} by ${context.caller.user}`});
    return {cluster: input.cluster, alias: input.alias};
  },
  print: ({cluster: name, alias}) => [`${name}\t${alias}`],
  legacy: {
    http: [
      {
        path: 'set-cluster-alias/:clusterName',
        query: {alias: 'alias'},
        params: {clusterName: 'cluster'},
        reply: {shape: 'nothing', message: ({cluster: name, alias}) => `Cluster ${name} now has alias '${alias}'`},
      },
    ],
  },
});
