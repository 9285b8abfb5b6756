import {escapedJson} from '../../config/escaped-json.ts';
import type {Instance} from '../../model/instance.ts';
import type {Seconds} from '../../model/units.ts';
import type {ProblemLimits} from '../../operations/information/problems.ts';
import {instanceJson} from '../legacy-json/instance.ts';
import {nullableJson} from '../legacy-json/values.ts';

/** What was written of an instance, around the one number that grows by itself. */
interface Text {
  readonly instance: Instance;
  /** What counts as a problem may be configured anew. */
  readonly limit: number;
  readonly head: Buffer;
  readonly tail: Buffer;
}

const AGE = '"SecondsSinceLastSeen":';
const [BEGIN, BETWEEN, END] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')];

/** Writes lists of instances as `instanceJson` has them, and of those anew only that differ in more than their age from when they were written. */
export class InstanceTexts {
  /** By a part that was read with the row, and is shared by all that was made of it: gone when nobody keeps such an instance. */
  readonly #known = new WeakMap<object, Text>();

  write(instances: readonly Instance[], limits: ProblemLimits): Buffer {
    if (instances.length === 0) return Buffer.from('[]');
    const ages = new Map<Seconds | null, Buffer>();
    const ageOf = ({check: {secondsSinceSeen: age}}: Instance): Buffer => {
      const known = ages.get(age) ?? Buffer.from(ageText(age));
      ages.set(age, known);
      return known;
    };
    const pieces: Buffer[] = [];
    for (const instance of instances) {
      const {head, tail} = this.#textOf(instance, limits);
      pieces.push(pieces.length === 0 ? BEGIN : BETWEEN, head, ageOf(instance), tail);
    }
    return Buffer.concat([...pieces, END]);
  }

  #textOf(instance: Instance, limits: ProblemLimits): Text {
    const known = this.#known.get(instance.binlog);
    if (known?.limit === limits.ReasonableReplicationLagSeconds && isSame(known.instance, instance)) return known;
    const text = textOf(instance, limits);
    this.#known.set(instance.binlog, text);
    return text;
  }
}

function textOf(instance: Instance, limits: ProblemLimits): Text {
  const json = escapedJson(instanceJson(instance, limits));
  // no text of an instance can contain it: its quotes would be escaped
  const at = json.indexOf(AGE) + AGE.length;
  const [head, tail] = [json.slice(0, at), json.slice(at + ageText(instance.check.secondsSinceSeen).length)];
  return {instance, limit: limits.ReasonableReplicationLagSeconds, head: Buffer.from(head), tail: Buffer.from(tail)};
}

function ageText(age: Seconds | null): string {
  return JSON.stringify(nullableJson(age));
}

/** But for its age. What was not read anew is the same object. */
function isSame(one: Instance, other: Instance): boolean {
  return isAlike(one, other, ASIDE) && isAlike(one.wishes, other.wishes, NOTHING) && isAlike(one.check, other.check, AGEING);
}

const ASIDE: ReadonlySet<string> = new Set<keyof Instance>(['check', 'wishes']);
const AGEING: ReadonlySet<string> = new Set<keyof Instance['check']>(['secondsSinceSeen']);
const NOTHING: ReadonlySet<string> = new Set();

/** Compares without making anything: it is done for each instance of each list. */
function isAlike<Parts extends object>(one: Parts, other: Parts, aside: ReadonlySet<string>): boolean {
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => aside.has(name) || one[name as keyof Parts] === other[name as keyof Parts]);
}
