import type {Json} from './json.ts';
import {KEY_NAMES, type KeyName} from './keys.ts';

/** Lists of hooks, by the key that configures their commands. */
export type HookListName = Extract<KeyName, `${string}Processes`>;

/** One entry of HTTPHooks, with all that it leaves out. */
export interface Webhook {
  readonly lists: readonly HookListName[];
  /** May hold `${NAME}` and `${file:PATH}`, as headers may: what is sent and never shown. */
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent, with placeholders in its texts; null: all that hooks are told. */
  readonly template: Json;
  /** Of one try. */
  readonly timeoutSeconds: number;
  /** After the first try. */
  readonly retries: number;
  /** Started and not waited for. */
  readonly background: boolean;
}

type Entry = Readonly<Record<string, Json>>;

const PARTS = ['Lists', 'URL', 'Method', 'Headers', 'Template', 'TimeoutSeconds', 'Retries', 'Background'];
const METHODS = ['POST', 'PUT', 'PATCH'];

const LISTS = KEY_NAMES.filter((key): key is HookListName => key.endsWith('Processes'));

/** Reads one entry of HTTPHooks. @returns a problem in words where it is none */
export function readWebhook(entry: Entry): Webhook | {readonly problem: string} {
  const {Lists, URL: url, Method = 'POST', Headers = {}, Template = null, TimeoutSeconds = 10, Retries = 2, Background = false} = entry;
  const unknown = Object.keys(entry).find((name) => !PARTS.includes(name));
  if (unknown !== undefined) return {problem: `${JSON.stringify(unknown)} is none of ${PARTS.join(', ')}`};
  if (!Array.isArray(Lists) || Lists.length === 0 || !Lists.every((one) => LISTS.some((list) => list === one)))
    return {problem: `Lists must name lists of hooks: ${LISTS.join(', ')}`};
  if (typeof url !== 'string' || !/^(https?:\/\/|\$\{)\S+$/.test(url)) return {problem: 'URL must begin with http:// or https://'};
  if (typeof Method !== 'string' || !METHODS.includes(Method)) return {problem: `Method must be one of ${METHODS.join(', ')}`};
  if (!isTexts(Headers)) return {problem: 'Headers must be an object of texts'};
  if (!isWhole(TimeoutSeconds) || TimeoutSeconds === 0) return {problem: 'TimeoutSeconds must be a whole number from 1 up'};
  if (!isWhole(Retries)) return {problem: 'Retries must be a whole number from 0 up'};
  if (typeof Background !== 'boolean') return {problem: 'Background must be true or false'};
  return {
    lists: Lists as HookListName[],
    url,
    method: Method,
    headers: Headers,
    template: Template,
    timeoutSeconds: TimeoutSeconds,
    retries: Retries,
    background: Background,
  };
}

function isWhole(value: Json): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTexts(value: Json): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((one) => typeof one === 'string')
  );
}
