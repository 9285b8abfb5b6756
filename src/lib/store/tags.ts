import {compareKeys, keyText, type InstanceKey} from '../model/instance-key.ts';
import {matchesTags, type Tag, type TagPattern, type TagTerm} from '../model/tag.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'database_instance_tags';
const fit = fitter(TABLE);

/** Row of `database_instance_tags`, exactly as stored; never leaves this file. */
interface TagRow {
  hostname: string;
  port: number;
  tag_name: string;
  tag_value: string;
}

/** Gives an instance a tag, or its tag another value. */
export async function writeTag(backend: Backend, {host, port}: InstanceKey, {name, value}: Tag): Promise<void> {
  const row = fit({hostname: host, port, tag_name: name, tag_value: value});
  await backend.run(({db, dialect}) =>
    db(TABLE)
      .insert({...row, last_updated: dialect.now()})
      .onConflict(['hostname', 'port', 'tag_name'])
      .merge(),
  );
}

/**
 * Takes a tag from an instance, or from all: only with this value, where one is given.
 *
 * @returns the instances that had it, in order
 */
export async function removeTag(backend: Backend, from: InstanceKey | 'all', {name, value}: TagPattern): Promise<readonly InstanceKey[]> {
  const meant = fit({tag_name: name, ...(value === null ? {} : {tag_value: value})});
  const whose = from === 'all' ? {} : {hostname: from.host, port: from.port};
  return backend.transaction(async ({db}) => {
    const rows: readonly TagRow[] = await db(TABLE)
      .where({...meant, ...whose})
      .orderBy(['hostname', 'port'])
      .select('hostname', 'port');
    await db(TABLE)
      .where({...meant, ...whose})
      .delete();
    return rows.map(keyOf).sort(compareKeys);
  });
}

/** The tags of one instance, by name. */
export async function readTags(backend: Backend, {host, port}: InstanceKey): Promise<readonly Tag[]> {
  const rows: readonly TagRow[] = await backend.run(({db}) => db(TABLE).where({hostname: host, port}).select());
  return rows.map(tagOf).sort(byName);
}

/** All tags there are, by `host:port` of the instance, each list by name. */
export async function readAllTags(backend: Backend): Promise<ReadonlyMap<string, readonly Tag[]>> {
  const tagged = Map.groupBy(await allRows(backend), (row) => keyText(keyOf(row)));
  return new Map([...tagged].map(([key, rows]) => [key, rows.map(tagOf).sort(byName)]));
}

/** Instances whose tags meet every condition, in the order of their `host:port` as text. */
export async function taggedInstances(backend: Backend, terms: readonly TagTerm[]): Promise<readonly InstanceKey[]> {
  const byKey = Map.groupBy(await allRows(backend), (row) => keyText(keyOf(row)));
  return [...byKey]
    .filter(([, rows]) => matchesTags(rows.map(tagOf), terms))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, [first]]) => (first === undefined ? [] : [keyOf(first)]));
}

function allRows(backend: Backend): Promise<readonly TagRow[]> {
  return backend.run(({db}) => db<TagRow>(TABLE).select());
}

function keyOf({hostname, port}: TagRow): InstanceKey {
  return {host: hostname, port};
}

function tagOf({tag_name: name, tag_value: value}: TagRow): Tag {
  return {name, value};
}

function byName(a: Tag, b: Tag): number {
  return a.name < b.name ? -1 : 1;
}
