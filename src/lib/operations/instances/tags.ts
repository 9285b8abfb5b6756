import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {parseTag, parseTagExpression, tagText, type Tag, type TagPattern, type TagTerm} from '../../model/tag.ts';
import {readTags, removeTag, taggedInstances, writeTag} from '../../store/tags.ts';
import {instance, warnIfUnknown} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import {define, type Field, type Option, type Texts} from '../define.ts';
import {about} from '../replies.ts';
import {keyLine} from '../say.ts';

const SECTION = 'Tags';
const QUERY = {tag: 'tag'} as const;

function tagOption(value: string, what: string): Option {
  return {name: 'tag', short: 't', value, about: what};
}

/** The text of `--tag`; over HTTP also spelled as `/:tagName/:tagValue` of a path. */
function written(texts: Texts): string {
  const {tag, tagName, tagValue} = texts;
  const given = tag ?? (tagName === undefined ? '' : tagValue === undefined ? tagName : `${tagName}=${tagValue}`);
  if (given.trim() === '') throw new OrchestratorError('INPUT_INVALID', '--tag is missing: name or name=value');
  return given;
}

function tagField<Value>(option: Option, understand: (text: string) => Value): Field<Value> {
  return {
    options: [option],
    required: true,
    bare: option.name,
    read(texts) {
      const value = understand(written(texts));
      return () => value;
    },
  };
}

const TAG: Field<TagPattern> = tagField(tagOption('NAME[=VALUE]', 'the tag'), parseTag);
const VALUED: Field<TagPattern> = tagField(tagOption('NAME=VALUE', 'the tag, with its value'), (text) => {
  const tag = parseTag(text);
  if (tag.value === null)
    throw new OrchestratorError('INPUT_INVALID', `--tag ${JSON.stringify(text)} has no value`, {
      hint: 'write name=value, or name= for those without one: a tag is not taken from all instances by its name alone',
    });
  return tag;
});
const EXPRESSION: Field<readonly TagTerm[]> = tagField(
  tagOption(
    'EXPRESSION',
    'conditions with commas between: name, name=value, ~name (other tags, but not this), ~name=value (another value)',
  ),
  parseTagExpression,
);

export const tags = define({
  name: 'tags',
  section: SECTION,
  formerly: [],
  about: 'The tags of an instance',
  examples: ['tags -i db1', 'tags -i db1 --json'],
  input: {instance: instance('the instance')},
  changes: 'nothing',
  run: async (context, input): Promise<readonly Tag[]> => readTags(await context.backend(), input.instance),
  print: (found) => found.map(tagText),
  legacy: {http: [{path: 'tags/:host/:port', reply: {shape: 'plain', from: (found) => found.map(tagText)}}]},
});

export const tagValue = define({
  name: 'tag-value',
  section: SECTION,
  formerly: [],
  about: 'The value of a tag of an instance; nothing when it does not have it',
  examples: ['tag-value -i db1 --tag role'],
  input: {instance: instance('the instance'), tag: TAG},
  changes: 'nothing',
  async run(context, input): Promise<Tag | {readonly name: string; readonly value: null}> {
    const {name} = input.tag;
    const found = await readTags(await context.backend(), input.instance);
    return found.find((tag) => tag.name === name) ?? {name, value: null};
  },
  print: ({value}) => (value === null ? [] : [value]),
  legacy: {
    http: [
      {path: 'tag-value/:host/:port', query: QUERY, reply: {shape: 'plain', from: valueOf}},
      {path: 'tag-value/:host/:port/:tagName', reply: {shape: 'plain', from: valueOf}},
    ],
  },
});

function valueOf({name, value}: {readonly name: string; readonly value: string | null}): string {
  if (value === null) throw new OrchestratorError('NOT_FOUND', `the instance has no tag ${name}`);
  return value;
}

export const tagged = define({
  name: 'tagged',
  section: SECTION,
  formerly: [],
  about: 'Instances that have certain tags',
  details: 'All conditions have to hold. An instance without any tag is never found, not by what it does not have either.',
  examples: ['tagged role=db', 'tagged --tag "role=db,~dc=west,~retired"'],
  input: {expression: EXPRESSION},
  changes: 'nothing',
  run: async (context, input): Promise<readonly InstanceKey[]> => taggedInstances(await context.backend(), input.expression),
  print: (keys) => keys.map(keyText),
  legacy: {http: [{path: 'tagged', query: QUERY, reply: {shape: 'keys'}}]},
});

export const tag = define({
  name: 'tag',
  section: SECTION,
  formerly: [],
  about: 'Put a tag on an instance, or give its tag another value',
  examples: ['tag -i db1 --tag role=backup', 'tag db1 retired'],
  input: {instance: instance('the instance'), tag: TAG},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    await warnIfUnknown(context, input.instance);
    const given = {name: input.tag.name, value: input.tag.value ?? ''};
    await writeTag(await context.backend(), input.instance, given);
    await audit(context, {type: 'tag', key: input.instance, message: `${tagText(given)} by ${context.caller.user}`});
    return input.instance;
  },
  print: keyLine,
  legacy: {
    http: [
      {path: 'tag/:host/:port', query: QUERY, reply: {shape: 'key', message: about('Tagged')}},
      {path: 'tag/:host/:port/:tagName/:tagValue', reply: {shape: 'key', message: about('Tagged')}},
    ],
  },
});

const untagged = (keys: readonly InstanceKey[]): string => `Untagged ${keys.length} instances`;

export const untag = define({
  name: 'untag',
  section: SECTION,
  formerly: [],
  about: 'Take a tag off an instance; prints the instance if it had it',
  examples: ['untag -i db1 --tag role', 'untag -i db1 --tag role=backup'],
  input: {instance: instance('the instance'), tag: TAG},
  changes: 'backend',
  async run(context, input): Promise<readonly InstanceKey[]> {
    const keys = await removeTag(await context.backend(), input.instance, input.tag);
    for (const key of keys) await audit(context, {type: 'untag', key, message: `${input.tag.name} by ${context.caller.user}`});
    return keys;
  },
  print: (keys) => keys.map(keyText),
  legacy: {
    http: [
      {path: 'untag/:host/:port', query: QUERY, reply: {shape: 'keys', message: untagged}},
      {path: 'untag/:host/:port/:tagName', reply: {shape: 'keys', message: untagged}},
    ],
  },
});

export const untagAll = define({
  name: 'untag-all',
  section: SECTION,
  formerly: [],
  about: 'Take a tag with a certain value off every instance that has it',
  examples: ['untag-all --tag role=backup'],
  input: {tag: VALUED},
  changes: 'backend',
  async run(context, input): Promise<readonly InstanceKey[]> {
    const keys = await removeTag(await context.backend(), 'all', input.tag);
    const {name, value} = input.tag;
    await audit(context, {type: 'untag', message: `${name}=${value ?? ''} off ${keys.length} instances by ${context.caller.user}`});
    return keys;
  },
  print: (keys) => keys.map(keyText),
  legacy: {
    http: [
      {path: 'untag-all', query: QUERY, reply: {shape: 'keys', message: untagged}},
      {path: 'untag-all/:tagName/:tagValue', reply: {shape: 'keys', message: untagged}},
    ],
  },
});
