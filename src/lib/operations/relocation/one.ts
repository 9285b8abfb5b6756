import {keyText} from '../../model/instance-key.ts';
import {destination} from '../addressing.ts';
import {define, type Declaration, type LegacyRoute, type Operation} from '../define.ts';
import {COMMON, EXITS, relocateOne, SECTION, target, type Relocated, type Wanted} from './ask.ts';
import {belowLine, planLines, relocatedJson} from './say.ts';

type Texts = Pick<Declaration<typeof COMMON, Relocated>, 'formerly' | 'about' | 'examples'> & {readonly details?: string};

/** What the commands about one instance say in the same way. */
function shared(name: string, texts: Texts) {
  return {
    name,
    section: SECTION,
    ...texts,
    changes: 'servers',
    json: relocatedJson,
    exits: EXITS,
  } as const;
}

/** `KEY<SOURCE`, or the plan. */
export function whereLines(done: Relocated): readonly string[] {
  const [move] = done.plan.moves;
  return done.noop ? planLines(done.plan) : move ? [belowLine(move.key, move.to)] : [];
}

/** The instance that was named, or the plan. */
function subjectLines({noop, plan}: Relocated): readonly string[] {
  return noop ? planLines(plan) : [keyText(plan.subject)];
}

export function instanceRoute(path: string, what: string, params?: LegacyRoute<Relocated>['params']): LegacyRoute<Relocated> {
  return {
    path,
    reply: {
      shape: 'instance',
      from: ({subject}) => subject,
      message: ({plan}) => {
        const [move] = plan.moves;
        return `${what}: ${keyText(plan.subject)}${move ? ` below ${keyText(move.to)}` : ''}`;
      },
    },
    ...(params ? {params} : {}),
  };
}

export const BELOW = {below: 'destination'} as const;

/** A command that moves one instance below another. */
export function belowCommand(
  name: string,
  {
    texts,
    routes,
    wanted,
  }: {texts: Texts; routes: readonly LegacyRoute<Relocated>[]; wanted: (below: {host: string; port: number}) => Wanted},
): Operation {
  return define({
    ...shared(name, texts),
    input: {...COMMON, below: target('below whom')},
    run: (context, {below, ...given}) => relocateOne(context, name, {given, wanted: wanted(below)}),
    print: whereLines,
    legacy: {http: routes},
  });
}

/** A command that names one instance and nobody else. */
export function aloneCommand(
  name: string,
  {
    texts,
    routes,
    wanted,
    print,
  }: {texts: Texts; routes: readonly LegacyRoute<Relocated>[]; wanted: Wanted; print: (done: Relocated) => readonly string[]},
): Operation {
  return define({
    ...shared(name, texts),
    input: COMMON,
    run: (context, given) => relocateOne(context, name, {given, wanted}),
    print,
    legacy: {http: routes},
  });
}

export const relocate = belowCommand('relocate', {
  texts: {
    formerly: ['relocate-below'],
    about: 'Move an instance below another, by whatever way works',
    details:
      'By GTID where both use it; else by positions: up until both have a source in common, then down below siblings, whose appliers are stopped at the same place for a moment; where that cannot be done, by Pseudo-GTID if both use it. Everything is checked before anything is changed, the plan is journaled, and what was received is never dropped. The instance is seen to replicate from its new source, or it is put back.',
    examples: ['relocate -i db3 -d db2', 'relocate -i db3 -d db2 --dry-run'],
  },
  routes: ['relocate', 'relocate-below'].map((path) =>
    instanceRoute(`${path}/:host/:port/:belowHost/:belowPort`, 'Instance relocated', BELOW),
  ),
  wanted: (below) => ({do: 'relocate', below}),
});

export const moveBelow = belowCommand('move-below', {
  texts: {formerly: [], about: 'Move an instance below a sibling', examples: ['move-below -i db3 -d db2']},
  routes: [instanceRoute('move-below/:host/:port/:siblingHost/:siblingPort', 'Instance moved')],
  wanted: (below) => ({do: 'move-below', below}),
});

export const moveEquivalent = belowCommand('move-equivalent', {
  texts: {
    formerly: [],
    about: 'Move an instance below another by a position that is known to be the same',
    details: 'Such positions are written down when replicas are moved by file and position.',
    examples: ['move-equivalent -i db3 -d db2'],
  },
  routes: [instanceRoute('move-equivalent/:host/:port/:belowHost/:belowPort', 'Instance relocated via equivalence coordinates', BELOW)],
  wanted: (below) => ({do: 'move-equivalent', below}),
});

export const moveGtid = belowCommand('move-gtid', {
  texts: {formerly: [], about: 'Move an instance below another by GTID, or not at all', examples: ['move-gtid -i db3 -d db2']},
  routes: [instanceRoute('move-below-gtid/:host/:port/:belowHost/:belowPort', 'Instance moved', BELOW)],
  wanted: (below) => ({do: 'move-gtid', below}),
});

export const moveUp = aloneCommand('move-up', {
  texts: {formerly: [], about: 'Move an instance one level up, below the source of its source', examples: ['move-up -i db3']},
  routes: [instanceRoute('move-up/:host/:port', 'Instance moved up')],
  wanted: {do: 'move-up'},
  print: whereLines,
});

export const repoint = define({
  ...shared('repoint', {
    formerly: [],
    about: 'Point an instance at its source again, or at another with the same log',
    details:
      'By GTID at any other instance; by file and position only where these mean the same: its present source, a binlog server of it, or its present source under another name.',
    examples: ['repoint -i db3', 'repoint -i db3 -d db2'],
  }),
  input: {...COMMON, below: destination('whom to point it at; without it its present source')},
  run: (context, {below, ...given}) => relocateOne(context, 'repoint', {given, wanted: {do: 'repoint', below}}),
  print: whereLines,
  legacy: {http: [instanceRoute('repoint/:host/:port/:belowHost/:belowPort', 'Instance repointed', BELOW)]},
});

export const takeMaster = aloneCommand('take-master', {
  texts: {
    formerly: ['enslave-master'],
    about: 'Let an instance and its source change places',
    details:
      'Its source must be a replica itself; graceful-master-takeover replaces the source of a cluster. PostTakeMasterProcesses run afterwards.',
    examples: ['take-master -i db3'],
  },
  routes: ['take-master', 'enslave-master'].map((path) => instanceRoute(`${path}/:host/:port`, 'Instance took its master')),
  wanted: {do: 'take-source'},
  print: subjectLines,
});

export const makeCoMaster = aloneCommand('make-co-master', {
  texts: {
    formerly: [],
    about: 'Let the source of an instance replicate from it too',
    details: 'The instance has to be read-only and stays so.',
    examples: ['make-co-master -i db2'],
  },
  routes: [instanceRoute('make-co-master/:host/:port', 'Instance made co-master')],
  wanted: {do: 'make-co-source'},
  print: subjectLines,
});

export const makeMaster = aloneCommand('make-master', {
  texts: {
    formerly: [],
    about: 'Let an instance take the place of its dead source, by hand and without hooks',
    details:
      'It is opened for writes, and its siblings go below it. By GTID, or by Pseudo-GTID where nobody uses GTIDs, and only if no sibling received more. recover does it with all that belongs to it.',
    examples: ['make-master -i db2'],
  },
  routes: [instanceRoute('make-master/:host/:port', 'Instance now made master')],
  wanted: {do: 'make-source'},
  print: subjectLines,
});

export const makeLocalMaster = aloneCommand('make-local-master', {
  texts: {
    formerly: [],
    about: 'Let an instance take the place of its source below the source of that',
    details: 'Siblings go below it. By GTID, or by Pseudo-GTID.',
    examples: ['make-local-master -i db3'],
  },
  routes: [instanceRoute('make-local-master/:host/:port', 'Instance now made local master')],
  wanted: {do: 'make-local-source'},
  print: subjectLines,
});
