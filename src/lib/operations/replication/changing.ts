import type {Changed} from '../../execute/instance/change.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {InstanceWish} from '../../plan/instance/wish.ts';
import {instance} from '../addressing.ts';
import type {Context} from '../context.ts';
import {define, type Declaration, type Field, type Fields, type LegacyRoute, type Operation} from '../define.ts';
import {dryRun, flag, optionalDuration} from '../fields.ts';
import {keyLine} from '../say.ts';

export const SECTION = 'Replication';

/** What a command for one instance came to. */
export interface ChangedInstance extends Changed {
  /** As it was asked for. */
  readonly key: InstanceKey;
  readonly noop: boolean;
  readonly wish: InstanceWish;
}

/** A command that changes one instance; `More` are the fields that only it has. */
export interface ChangeDeclaration<More extends Fields> {
  readonly name: string;
  /** Type of the audit entry, where 3.2.6 calls it otherwise than the command. */
  readonly auditedAs?: string;
  readonly formerly: readonly string[];
  readonly about: string;
  readonly details?: string;
  readonly examples: readonly string[];
  readonly input?: More;
  /** What `--force` does; there is no such option where this is absent. */
  readonly force?: string;
  /** It may have to wait until a replica has applied what it received. */
  readonly drains?: true;
  wish(input: InputOf<More>): InstanceWish;
  /** Names of the routes that take `/:host/:port`. */
  readonly routes: readonly string[];
  /** What is behind `/:host/:port` in their paths. */
  readonly path?: string;
  readonly query?: LegacyRoute<unknown>['query'];
  readonly params?: LegacyRoute<unknown>['params'];
  /** Before `: host:port` in the message of the routes. */
  readonly message: string;
  /** What the routes show instead of the instance. */
  plain?(wish: InstanceWish): number | null;
}

type InputOf<More extends Fields> = Parameters<Declaration<More, unknown>['run']>[1];

const NOT_FORCED: Field<boolean> = {options: [], required: false, read: () => () => false};
const NO_TIMEOUT: Field<number | null> = {options: [], required: false, read: () => () => null};

const NOOP = dryRun();
const WAIT = optionalDuration({
  name: 'wait',
  value: '30s',
  about: 'queue for so long when another operation is changing the instance; without it fail at once',
});
const TIMEOUT = optionalDuration({
  name: 'timeout',
  value: '60s',
  about: 'how long it may take to apply what was received; without it as configured',
});

/** The operation of a command that changes one instance under its lock. */
export function changing<More extends Fields>(declaration: ChangeDeclaration<More>): Operation {
  const {name, formerly, about, examples, force, drains} = declaration;
  return define({
    name,
    section: SECTION,
    formerly,
    about,
    ...(declaration.details === undefined ? {} : {details: declaration.details}),
    examples,
    input: {
      instance: instance('the instance'),
      ...declaration.input,
      noop: NOOP,
      wait: WAIT,
      force: force === undefined ? NOT_FORCED : flag('force', force),
      timeout: drains ? TIMEOUT : NO_TIMEOUT,
    },
    changes: 'servers',
    run: (context, input) =>
      change(context, {...input, wish: declaration.wish(input as InputOf<More>), purpose: name, auditAs: declaration.auditedAs ?? name}),
    print: ({key, noop, did}) => (noop ? did : keyLine(key)),
    json: ({key, noop, did, remarks}) => ({key, noop, did, remarks}),
    legacy: {http: declaration.routes.map((route) => routeOf(route, declaration))},
    exits: {
      1: 'failed, or not seen to be done',
      4: 'refused: nothing was changed',
      6: 'a server did not answer: it may be done or not',
      7: 'another operation is changing the instance',
    },
  });
}

interface Asked {
  readonly instance: InstanceKey;
  readonly noop: boolean;
  readonly wait: number | null;
  readonly force: boolean;
  readonly timeout: number | null;
  readonly wish: InstanceWish;
  readonly purpose: string;
  readonly auditAs: string;
}

async function change(context: Context, asked: Asked): Promise<ChangedInstance> {
  const {instance: key, wish, purpose, auditAs, noop, force, wait, timeout} = asked;
  const on = await context.onInstance();
  const changed = await on.change({
    instance: key,
    wish,
    purpose,
    auditAs,
    noop,
    force,
    wait: (wait ?? 0) * 1000,
    patience: timeout === null ? null : timeout * 1000,
    by: context.caller.user,
  });
  for (const remark of changed.remarks) context.warn(remark);
  return {...changed, key, noop, wish};
}

function routeOf<More extends Fields>(route: string, declaration: ChangeDeclaration<More>): LegacyRoute<ChangedInstance> {
  const {path = '', query, params, message, plain} = declaration;
  return {
    path: `${route}/:host/:port${path}`,
    reply: {
      ...(plain
        ? {shape: 'plain' as const, from: ({wish}: ChangedInstance) => plain(wish)}
        : {shape: 'instance' as const, from: ({instance: seen}: ChangedInstance) => seen}),
      message: ({noop, did, instance: seen}) => (noop ? did.join('; ') : `${message}: ${keyText(seen.key)}`),
    },
    ...(query ? {query} : {}),
    ...(params ? {params} : {}),
  };
}
