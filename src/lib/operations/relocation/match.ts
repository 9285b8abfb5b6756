import type {InstanceKey} from '../../model/instance-key.ts';
import {keyText} from '../../model/instance-key.ts';
import {define, type LegacyRoute, type Operation} from '../define.ts';
import {COMMON, EXITS, only, relocate, SECTION, target, type Relocated, type Wanted} from './ask.ts';
import {aloneCommand, BELOW, belowCommand, instanceRoute, whereLines} from './one.ts';
import {movedKeys, planLines, relocatedJson, statusOf} from './say.ts';

const DETAILS =
  'For replication by file and position. All that it received is applied first; then its log and that of the other are compared, event by event from the last Pseudo-GTID entry on, and it goes on behind the last that both have. One that cannot be compared, or has what the other lacks, stays where it is. docs/pseudo-gtid.md says more.';

export const match = belowCommand('match', {
  texts: {
    formerly: ['match-below'],
    about: 'Move an instance below another by Pseudo-GTID, or not at all',
    details: DETAILS,
    examples: ['match -i db3 -d db2', 'match -i db3 -d db2 --dry-run'],
  },
  routes: ['match', 'match-below'].map((path) => instanceRoute(`${path}/:host/:port/:belowHost/:belowPort`, 'Instance matched', BELOW)),
  wanted: (below) => ({do: 'match', below}),
});

export const matchUp = aloneCommand('match-up', {
  texts: {
    formerly: [],
    about: 'Move an instance one level up by Pseudo-GTID, past its source, which may be dead',
    details: DETAILS,
    examples: ['match-up -i db3'],
  },
  routes: [instanceRoute('match-up/:host/:port', 'Instance matched up')],
  wanted: {do: 'match-up'},
  print: whereLines,
});

export const rematch = aloneCommand('rematch', {
  texts: {
    formerly: [],
    about: 'Find the place of an instance in the log of its source anew, by Pseudo-GTID',
    details: DETAILS,
    examples: ['rematch -i db3'],
  },
  routes: [],
  wanted: {do: 'rematch'},
  print: whereLines,
});

interface Many {
  readonly formerly: readonly string[];
  readonly about: string;
  readonly examples: readonly string[];
  readonly routes: readonly LegacyRoute<Relocated>[];
}

/** Under whom they are now, as far as they were moved. */
function newSource({plan}: Relocated): InstanceKey {
  return plan.moves[0]?.to ?? plan.subject;
}

function route(path: string): LegacyRoute<Relocated> {
  return {
    path,
    query: {pattern: 'pattern'},
    ...(path.includes(':belowHost') ? {params: BELOW} : {}),
    reply: {
      shape: 'key',
      from: newSource,
      message: (done) => `Matched ${movedKeys(done).length} replicas of ${keyText(done.plan.subject)} below ${keyText(newSource(done))}`,
    },
  };
}

function manyCommand(name: string, {formerly, about, examples, routes}: Many) {
  return {
    name,
    section: SECTION,
    formerly,
    about,
    details: DETAILS,
    examples,
    changes: 'servers',
    print: (done: Relocated) => (done.noop ? planLines(done.plan) : movedKeys(done).map(keyText)),
    json: relocatedJson,
    status: statusOf,
    exits: EXITS,
    legacy: {http: routes},
  } as const;
}

export const matchReplicas: Operation = define({
  ...manyCommand('match-replicas', {
    formerly: ['match-slaves', 'multi-match-replicas', 'multi-match-slaves'],
    about: 'Move the replicas of an instance below another by Pseudo-GTID',
    examples: ['match-replicas -i db2 -d db1', "match-replicas -i db2 -d db1 --pattern 'dc1'"],
    routes: ['match-replicas', 'match-slaves'].map((path) => route(`${path}/:host/:port/:belowHost/:belowPort`)),
  }),
  input: {...COMMON, below: target('below whom'), only: only()},
  run: (context, {below, only: pattern, ...given}) =>
    relocate(context, 'match-replicas', {given, wanted: {do: 'match-replicas', below, only: pattern} satisfies Wanted}),
});

export const matchUpReplicas: Operation = define({
  ...manyCommand('match-up-replicas', {
    formerly: ['match-up-slaves'],
    about: 'Move the replicas of an instance one level up by Pseudo-GTID; the instance may be dead',
    examples: ['match-up-replicas -i db2'],
    routes: ['match-up-replicas', 'match-up-slaves'].map((path) => route(`${path}/:host/:port`)),
  }),
  input: {...COMMON, only: only()},
  run: (context, {only: pattern, ...given}) =>
    relocate(context, 'match-up-replicas', {given, wanted: {do: 'match-up-replicas', only: pattern} satisfies Wanted}),
});
