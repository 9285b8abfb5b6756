import {hostname} from 'node:os';
import {isIPv4} from 'node:net';
import {OrchestratorError} from '../errors/errors.ts';
import {keyText, parseInstanceKey, type InstanceKey} from '../model/instance-key.ts';
import type {Instance} from '../model/instance.ts';
import {clusterOfAlias} from '../store/aliases.ts';
import {keysLike} from '../store/instances.ts';
import type {Context} from './context.ts';
import type {Field, Lookup, Option, Texts} from './define.ts';
import {clusterInfos, instanceAt} from './reads.ts';

const INSTANCE: Option = {name: 'instance', short: 'i', value: 'host[:port]', about: ''};

interface Manner {
  /** Must be given; otherwise its absence means this host. */
  readonly required?: true;
  /** Take the host as written, without resolving it. */
  readonly raw?: true;
  /** Do not complete it from what the backend knows either, so that no backend is needed. */
  readonly exact?: true;
}

/**
 * An instance, by `host` or `host:port`: resolved as HostnameResolveMethod says, then completed from what the backend knows
 * (see `complete`). It need not be known.
 */
export function instance(about: string, manner: Manner = {}): Field<InstanceKey> {
  return {
    options: [{...INSTANCE, about: manner.required ? about : `${about}; without it this host`}],
    required: manner.required ?? false,
    bare: INSTANCE.name,
    each: INSTANCE.name,
    read: (texts) => keyLookup(texts, manner, about),
  };
}

/** An instance that is in the backend, as stored there. */
export function knownInstance(about: string, manner: Manner = {}): Field<Instance> {
  const field = instance(about, manner);
  return {
    ...field,
    read(texts) {
      const lookup = field.read(texts);
      return async (context) => mustKnow(context, await lookup(context));
    },
  };
}

/** @throws OrchestratorError NOT_FOUND */
export async function mustKnow(context: Context, key: InstanceKey): Promise<Instance> {
  const found = await instanceAt(context, key);
  if (found) return found;
  throw new OrchestratorError('NOT_FOUND', `${keyText(key)} is not known`, {hint: `orchestrator discover ${keyText(key)} makes it known`});
}

/** Tells a person that what they mention has never been seen, which may be a slip: the backend takes any name. */
export async function warnIfUnknown(context: Context, key: InstanceKey): Promise<void> {
  if (!(await instanceAt(context, key)))
    context.warn(`${keyText(key)} is not a known instance; it counts from when it is discovered under this name`);
}

/** Another instance the operation is about: where to move something, whom to promote. */
export function destination(about: string): Field<InstanceKey | null> {
  const options: readonly Option[] = [
    {name: 'destination', short: 'd', value: 'host[:port]', about},
    {name: 'sibling', short: 's', value: 'host[:port]', about: 'the same as --destination'},
  ];
  return {
    options,
    required: false,
    read(texts) {
      const {destination: first, sibling: second} = texts;
      if (first !== undefined && second !== undefined)
        throw new OrchestratorError('USAGE', '--destination and --sibling are the same option; give one of them');
      const given = first ?? second;
      return given === undefined ? () => null : keyLookup({instance: given}, {required: true}, about);
    },
  };
}

const CLUSTER_OPTIONS: readonly Option[] = [
  {name: 'alias', short: 'a', value: 'NAME', about: 'the cluster, by its alias or its name'},
  {...INSTANCE, about: 'an instance of the cluster; without any of these, this host'},
  {name: 'cluster', value: 'NAME|host[:port]', about: 'the cluster, by its name, its alias or an instance of it'},
];

/**
 * A cluster, answered as its name: `--alias` (a name, then an alias), else an instance of it, else this host's.
 * `--cluster`, or a bare word, is a name, an alias or an instance, tried in that order.
 */
export function cluster(about: string): Field<string> {
  return {
    options: CLUSTER_OPTIONS.map((option) =>
      option.name === 'cluster' ? {...option, about: `${about}, by its name, its alias or an instance of it`} : option,
    ),
    required: false,
    bare: 'cluster',
    read(texts) {
      const lookup = clusterLookup(texts);
      return async (context) => {
        const found = await lookup(context);
        if (found.name === null)
          throw new OrchestratorError('NOT_FOUND', `${found.sought} is not a known cluster, nor an instance of one`, {
            hint: 'orchestrator clusters lists them',
          });
        return found.name;
      };
    },
  };
}

/** The same, where saying nothing means every cluster; a hint that leads nowhere is still an error. */
export function optionalCluster(about: string): Field<string | null> {
  const one = cluster(about);
  return {
    ...one,
    read(texts) {
      if (CLUSTER_OPTIONS.some((option) => texts[option.name] !== undefined)) return one.read(texts);
      return () => null;
    },
  };
}

interface Sought {
  readonly sought: string;
  readonly name: string | null;
}

function clusterLookup(texts: Texts): (context: Context) => Promise<Sought> {
  const {alias, instance: ofInstance, cluster: hint} = texts;
  if (alias !== undefined) return async (context) => ({sought: alias, name: await byName(context, alias)});
  if (hint !== undefined && ofInstance === undefined) {
    return async (context) => ({sought: hint, name: await byHint(context, hint)});
  }
  const key = keyLookup({instance: ofInstance}, {}, 'an instance of the cluster');
  return async (context) => {
    const found = await key(context);
    return {sought: keyText(found), name: await clusterOf(context, found)};
  };
}

async function byHint(context: Context, hint: string): Promise<string | null> {
  const named = await byName(context, hint);
  // A cluster without an alias is its own, and what it was called before its source changed stays written for a while.
  const isFormer = named === hint && !(await isCluster(context, hint));
  return named === null || isFormer ? ((await byInstance(context, hint)) ?? named) : named;
}

async function byName(context: Context, name: string): Promise<string | null> {
  return (await isCluster(context, name)) ? name : clusterOfAlias(await context.backend(), name);
}

async function isCluster(context: Context, name: string): Promise<boolean> {
  return (await clusterInfos(context)).some((info) => info.name === name);
}

async function byInstance(context: Context, hint: string): Promise<string | null> {
  try {
    return await clusterOf(context, await keyLookup({instance: hint}, {}, '')(context));
  } catch (error) {
    if (error instanceof OrchestratorError && error.code === 'INPUT_INVALID') return null;
    throw error;
  }
}

async function clusterOf(context: Context, key: InstanceKey): Promise<string | null> {
  return (await instanceAt(context, key))?.cluster.name ?? null;
}

/** One name of a list: resolved, and where `fuzzy` completed from what the backend knows. Malformed: INPUT_INVALID. */
export async function resolved(context: Context, text: string, {fuzzy}: {readonly fuzzy: boolean}): Promise<InstanceKey> {
  const written = parseInstanceKey(text, (await context.config()).DefaultInstancePort);
  const key = {...written, host: await context.resolveHost(written.host)};
  return fuzzy ? complete(context, key) : key;
}

function keyLookup(texts: Texts, manner: Manner, about: string): Lookup<InstanceKey> {
  const given = texts['instance']?.trim();
  if (given === '' || (given === undefined && manner.required))
    throw new OrchestratorError('INPUT_INVALID', `--instance is missing: ${about}`);
  if (given !== undefined) parseInstanceKey(given, 3306);
  return async (context) => {
    const {DefaultInstancePort} = await context.config();
    if (given === undefined) return {host: hostname(), port: DefaultInstancePort};
    const written = parseInstanceKey(given, DefaultInstancePort);
    const key = manner.raw ? written : {...written, host: await context.resolveHost(written.host)};
    return manner.exact ? key : complete(context, key);
  };
}

/**
 * A host may be written in part: when exactly one known instance on the same port has the text in its host name, that one is
 * meant. A known instance and an IPv4 address always mean themselves.
 */
async function complete(context: Context, key: InstanceKey): Promise<InstanceKey> {
  if (isIPv4(key.host) || (await instanceAt(context, key))) return key;
  const like = await keysLike(await context.backend(), key);
  return like.length === 1 && like[0] ? like[0] : key;
}
