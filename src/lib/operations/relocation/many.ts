import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {destination} from '../addressing.ts';
import {define, type LegacyRoute} from '../define.ts';
import {COMMON, EXITS, only, problemsOf, relocate, SECTION, target, type Relocated} from './ask.ts';
import {belowLine, movedInstances, movedKeys, planLines, relocatedJson, statusOf} from './say.ts';

const SHARED = {section: SECTION, changes: 'servers', json: relocatedJson, exits: EXITS, status: statusOf} as const;
const PATTERN = {pattern: 'pattern'} as const;

/** Keys of those moved, or the plan. */
function movedLines(done: Relocated): readonly string[] {
  return done.noop ? planLines(done.plan) : movedKeys(done).map(keyText);
}

function instancesRoute(path: string, what: string, more: Pick<LegacyRoute<Relocated>, 'params'> = {}): LegacyRoute<Relocated> {
  return {
    path,
    query: PATTERN,
    ...more,
    reply: {
      shape: 'instances',
      from: movedInstances,
      message: (done) => {
        const wrong = [...problemsOf(done), ...done.plan.left.map(({why}) => why.because)];
        const errors = wrong.length === 0 ? '' : `; ${wrong.length} errors: ${wrong.join('; ')}`;
        return `${what} ${movedKeys(done).length} replicas of ${keyText(done.plan.subject)}${errors}`;
      },
    },
  };
}

export const relocateReplicas = define({
  ...SHARED,
  name: 'relocate-replicas',
  formerly: ['relocate-slaves'],
  about: 'Move the replicas of an instance below another, by whatever way works for each',
  details:
    'Several at a time (MaxConcurrentReplicaOperations). Those that cannot be moved are left where they are, and standard error says why.',
  examples: ['relocate-replicas -i db2 -d db1', "relocate-replicas -i db2 -d db1 --pattern 'dc1'"],
  input: {...COMMON, below: target('below whom'), only: only()},
  run: (context, {below, only: pattern, ...given}) =>
    relocate(context, 'relocate-replicas', {given, wanted: {do: 'relocate-replicas', below, only: pattern}}),
  print: movedLines,
  legacy: {
    settled: true,
    http: ['relocate-replicas', 'relocate-slaves'].map((path) =>
      instancesRoute(`${path}/:host/:port/:belowHost/:belowPort`, 'Relocated', {params: {below: 'destination'}}),
    ),
  },
});

export const moveUpReplicas = define({
  ...SHARED,
  name: 'move-up-replicas',
  formerly: ['move-up-slaves'],
  about: 'Move the replicas of an instance one level up, to be its siblings',
  examples: ['move-up-replicas -i db2'],
  input: {...COMMON, only: only()},
  run: (context, {only: pattern, ...given}) =>
    relocate(context, 'move-up-replicas', {given, wanted: {do: 'move-up-replicas', only: pattern}}),
  print: movedLines,
  legacy: {settled: true, http: ['move-up-replicas', 'move-up-slaves'].map((path) => instancesRoute(`${path}/:host/:port`, 'Moved up'))},
});

export const repointReplicas = define({
  ...SHARED,
  name: 'repoint-replicas',
  formerly: ['repoint-slaves'],
  about: 'Point the replicas of an instance at it again, or at another with the same log',
  examples: ['repoint-replicas -i db2'],
  input: {...COMMON, below: destination('whom to point them at; without it the instance itself'), only: only()},
  run: (context, {below, only: pattern, ...given}) =>
    relocate(context, 'repoint-replicas', {given, wanted: {do: 'repoint-replicas', below, only: pattern}}),
  // The right side is always the instance that was named, as scripts know it.
  print: (done) => (done.noop ? planLines(done.plan) : movedKeys(done).map((key) => belowLine(key, done.plan.subject))),
  legacy: {settled: true, http: ['repoint-replicas', 'repoint-slaves'].map((path) => instancesRoute(`${path}/:host/:port`, 'Repointed'))},
});

interface MovedBelow {
  readonly done: Relocated;
  readonly below: InstanceKey;
}

export const moveReplicasGtid = define({
  section: SECTION,
  changes: 'servers',
  exits: EXITS,
  name: 'move-replicas-gtid',
  formerly: ['move-slaves-gtid'],
  about: 'Move the replicas of an instance below another by GTID, all or it is a failure',
  examples: ['move-replicas-gtid -i db2 -d db1'],
  input: {...COMMON, below: target('below whom'), only: only()},
  async run(context, {below, only: pattern, ...given}): Promise<MovedBelow> {
    const done = await relocate(context, 'move-replicas-gtid', {given, wanted: {do: 'move-replicas-gtid', below, only: pattern}});
    if (statusOf(done) === 0) return {done, below};
    const problems = [...problemsOf(done), ...done.plan.left.map(({why}) => why.because)];
    throw new OrchestratorError(
      'REPLICATION_BROKEN',
      `${movedKeys(done).length} of ${done.plan.moves.length + done.plan.left.length} replicas of ${keyText(given.instance)} were moved: ${problems.join('; ')}`,
      {hint: 'the others were left where they are; which-replicas shows them'},
    );
  },
  print: ({done}) => movedLines(done),
  json: ({done}) => relocatedJson(done),
  legacy: {
    http: ['move-replicas-gtid', 'move-slaves-gtid'].map((path) => ({
      path: `${path}/:host/:port/:belowHost/:belowPort`,
      params: {below: 'destination'},
      query: PATTERN,
      reply: {
        shape: 'key',
        from: ({below}: MovedBelow) => below,
        message: ({done, below}: MovedBelow) =>
          `Moved ${movedKeys(done).length} replicas of ${keyText(done.plan.subject)} below ${keyText(below)} via GTID`,
      },
    })),
  },
});

export const takeSiblings = define({
  ...SHARED,
  name: 'take-siblings',
  formerly: ['enslave-siblings'],
  about: 'Move all siblings of an instance below it',
  examples: ['take-siblings -i db2'],
  input: COMMON,
  run: (context, given) => relocate(context, 'take-siblings', {given, wanted: {do: 'take-siblings'}}),
  print: (done) => (done.noop ? planLines(done.plan) : [keyText(done.plan.subject)]),
  legacy: {
    settled: true,
    http: ['take-siblings', 'enslave-siblings'].map((path) => ({
      path: `${path}/:host/:port`,
      reply: {
        shape: 'instance',
        from: ({subject}: Relocated) => subject,
        message: (done: Relocated) => `Took ${movedKeys(done).length} siblings of ${keyText(done.plan.subject)}`,
      },
    })),
  },
});
