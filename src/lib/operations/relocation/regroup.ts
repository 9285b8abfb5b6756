import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {Topology} from '../../model/topology.ts';
import {chooseLeader} from '../../plan/relocation/regroup.ts';
import {isRefusal, type RegroupBy} from '../../plan/relocation/plan.ts';
import {knownInstance} from '../addressing.ts';
import {define, type LegacyRoute, type Operation} from '../define.ts';
import {allInstances} from '../reads.ts';
import {keyLine} from '../say.ts';
import {COMMON, EXITS, problemsOf, refusal, relocate, SECTION, type Relocated} from './ask.ts';
import {planLines, relocatedJson} from './say.ts';

/** Counted as 3.2.6 did: moved at the position they had, or by comparing what they have. */
function counts({plan, outcomes}: Relocated): {readonly lost: number; readonly trivial: number; readonly matched: number} {
  const moved = outcomes.filter(({ok}) => ok);
  const trivial = moved.filter(({by}) => !by.includes('gtid') && !by.includes('pseudo-gtid')).length;
  return {lost: plan.left.length + outcomes.length - moved.length, trivial, matched: moved.length - trivial};
}

function promotedOf({plan}: Relocated): InstanceKey {
  return plan.promoted ?? plan.subject;
}

function summary(done: Relocated): string {
  const {lost, trivial, matched} = counts(done);
  return `${keyText(promotedOf(done))} lost: ${lost}, trivial: ${trivial}, pseudo-gtid: ${matched}`;
}

function gtidSummary(done: Relocated): string {
  const {lost, trivial, matched} = counts(done);
  return `${keyText(promotedOf(done))} lost: ${lost}, moved: ${trivial + matched}`;
}

interface Manner {
  readonly how: RegroupBy;
  readonly formerly: readonly string[];
  readonly routes: readonly string[];
  readonly about: string;
  print(done: Relocated): readonly string[];
  message(done: Relocated): string;
}

function regroupCommand(name: string, {how, formerly, routes, about, print, message}: Manner): Operation {
  const route = (path: string): LegacyRoute<Relocated> => ({path: `${path}/:host/:port`, reply: {shape: 'key', from: promotedOf, message}});
  return define({
    name,
    section: SECTION,
    formerly,
    about,
    details:
      'The one that leads is chosen as a successor would be, by what it received, promotion rule, place, version and log format, and stays where it is. Of a dead instance, nobody leads who received less than another. Those that cannot follow are left where they are and count as lost.',
    examples: [`${name} -i db1`],
    input: {...COMMON, instance: knownInstance('the instance whose replicas are meant')},
    changes: 'servers',
    run: (context, {instance: known, ...given}) =>
      relocate(context, name, {given: {...given, instance: known.key}, wanted: {do: 'regroup', how}}),
    print: (done) => (done.noop ? planLines(done.plan) : print(done)),
    json: relocatedJson,
    status: (done) => (problemsOf(done).length > 0 ? 1 : 0),
    legacy: {http: routes.map(route)},
    exits: EXITS,
  });
}

export const regroupReplicas = regroupCommand('regroup-replicas', {
  how: 'any',
  formerly: ['regroup-slaves'],
  routes: ['regroup-replicas', 'regroup-slaves'],
  about: 'Let one of the replicas of an instance take the others below itself',
  print: (done) => [keyText(promotedOf(done)), summary(done)],
  message: (done) => `promoted replica: ${summary(done).replace(' lost:', ', lost:')}`,
});

export const regroupReplicasGtid = regroupCommand('regroup-replicas-gtid', {
  how: 'gtid',
  formerly: ['regroup-slaves-gtid'],
  routes: ['regroup-replicas-gtid', 'regroup-slaves-gtid'],
  about: 'Let one of the replicas of an instance take the others below itself, by GTID only',
  print: (done) => [keyText(promotedOf(done)), gtidSummary(done)],
  message: (done) => `promoted replica: ${gtidSummary(done).replace(' lost:', ', lost:')}`,
});

export const regroupReplicasPgtid = regroupCommand('regroup-replicas-pgtid', {
  how: 'pseudo-gtid',
  formerly: ['regroup-slaves-pgtid'],
  routes: ['regroup-replicas-pgtid', 'regroup-slaves-pgtid'],
  about: 'Let one of the replicas of an instance take the others below itself, by Pseudo-GTID only',
  print: (done) => [keyText(promotedOf(done)), summary(done)],
  message: (done) => `promoted replica: ${summary(done).replace(' lost:', ', lost:')}`,
});

export const regroupReplicasBls = regroupCommand('regroup-replicas-bls', {
  how: 'binlog-servers',
  formerly: [],
  routes: ['regroup-replicas-bls', 'regroup-slaves-bls'],
  about: 'Let the most advanced binlog server below an instance take the others below itself',
  print: (done) => keyLine(promotedOf(done)),
  message: (done) => `promoted binlog server: ${keyText(promotedOf(done))}`,
});

export const getCandidateReplica = define({
  name: 'get-candidate-replica',
  section: SECTION,
  formerly: ['get-candidate-slave'],
  about: 'The replica of an instance that would lead the others, as the backend knows them',
  examples: ['get-candidate-replica -i db1'],
  input: {instance: knownInstance('the instance whose replicas are meant')},
  changes: 'nothing',
  async run(context, {instance: it}) {
    const topology = new Topology(await allInstances(context));
    const wish = {command: 'get-candidate-replica', do: 'regroup', instance: it.key, how: 'any'} as const;
    const chosen = chooseLeader(it, {how: 'any'}, {topology, policy: await context.config(), wish, equivalent: () => null});
    if (isRefusal(chosen)) throw refusal(wish.command, it.key, chosen);
    return {key: chosen.leader.key, candidates: chosen.candidates};
  },
  print: ({key}) => keyLine(key),
  table: ({candidates}) => ({
    head: ['replica', 'chosen', 'why'],
    rows: candidates.map(({key, chosen, verdict}) => [keyText(key), chosen ? 'yes' : '', verdict]),
  }),
  exits: {4: 'none of them could lead'},
});
