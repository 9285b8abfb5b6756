import {compilePattern} from '../config/pattern.ts';
import {OrchestratorError} from '../errors/errors.ts';
import {PROMOTION_RULES, type PromotionRule} from '../model/instance.ts';
import type {Seconds} from '../model/units.ts';
import type {Field, Option} from './define.ts';

/** Ten years, which the backend's TIMESTAMP columns can still hold. */
const LONGEST: Seconds = 10 * 365 * 86400;
const UNITS: Readonly<Record<string, Seconds>> = {s: 1, m: 60, h: 3600, d: 86400, w: 7 * 86400};

/** Text that has to be there and say something. */
export function text(option: Option, settings: {readonly bare?: true} = {}): Field<string> {
  return {
    options: [option],
    required: true,
    ...(settings.bare ? {bare: option.name} : {}),
    read(texts) {
      const given = demand(option, texts[option.name]);
      return () => given;
    },
  };
}

/** Text that may be absent. */
export function optionalText(option: Option): Field<string | null> {
  return {options: [option], required: false, read: (texts) => () => texts[option.name]?.trim() || null};
}

/** Why, for the people who will wonder. */
export function reason(about: string): Field<string> {
  return text({name: 'reason', short: 'r', value: 'TEXT', about});
}

/** `30m`: a whole number and one of s, m, h, d, w. Absent: ten minutes. */
export function duration(about: string): Field<Seconds> {
  const option: Option = {
    name: 'duration',
    short: 'u',
    value: '30m',
    about: `${about}: a number and s, m, h, d or w; without it ten minutes`,
  };
  return {
    options: [option],
    required: false,
    read(texts) {
      const given = texts['duration'];
      const seconds = given === undefined ? 600 : parseDuration(given, 'duration');
      return () => seconds;
    },
  };
}

/** A duration that means something else, or nothing, when it is absent. */
export function optionalDuration(option: Option): Field<Seconds | null> {
  return {
    options: [option],
    required: false,
    read(texts) {
      const given = texts[option.name];
      const seconds = given === undefined ? null : parseDuration(given, option.name);
      return () => seconds;
    },
  };
}

/** @throws OrchestratorError INPUT_INVALID unless it is a number of s, m, h, d or w, above nothing and up to ten years */
export function parseDuration(given: string, name: string): Seconds {
  const [, count, unit = ''] = /^(\d+)([smhdw])$/.exec(given.trim()) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? NaN);
  if (!(seconds > 0 && seconds <= LONGEST)) {
    throw new OrchestratorError('INPUT_INVALID', `--${name} ${JSON.stringify(given)} is not a duration`, {
      hint: 'give a number and s, m, h, d or w, such as 30m, up to ten years',
    });
  }
  return seconds;
}

/** A regular expression, as configuration files write them. */
export function pattern(about: string): Field<string> {
  const option: Option = {name: 'pattern', value: 'EXPRESSION', about};
  return {
    options: [option],
    required: true,
    bare: 'pattern',
    read(texts) {
      const given = demand(option, texts['pattern']);
      if (compilePattern(given) === null)
        throw new OrchestratorError('INPUT_INVALID', `--pattern ${JSON.stringify(given)} is not a regular expression`);
      return () => given;
    },
  };
}

/** `must` is a rule the backend knows and nobody may ask for. */
const ASKABLE = PROMOTION_RULES.filter((rule) => rule !== 'must');

export function promotionRule(about: string): Field<PromotionRule> {
  return {
    options: [{name: 'promotion-rule', short: 'R', value: ASKABLE.join('|'), about: `${about}; without it prefer`}],
    required: false,
    read(texts) {
      const given = texts['promotion-rule'] ?? 'prefer';
      const rule = ASKABLE.find((one) => one === given);
      if (rule === undefined) {
        throw new OrchestratorError('INPUT_INVALID', `--promotion-rule ${JSON.stringify(given)} is not a promotion rule`, {
          hint: `give one of ${ASKABLE.join(', ')}`,
        });
      }
      return () => rule;
    },
  };
}

/** A switch; off when absent. */
export function flag(name: string, about: string): Field<boolean> {
  return {options: [{name, about, value: null}], required: false, read: (texts) => () => texts[name] === 'true'};
}

/** `--noop`, or `--dry-run`. */
export function dryRun(): Field<boolean> {
  return {
    options: [
      {name: 'noop', value: null, about: 'say what would be done and what would be refused, and do nothing'},
      {name: 'dry-run', value: null, about: 'the same as --noop'},
    ],
    required: false,
    read: (texts) => () => texts['noop'] === 'true' || texts['dry-run'] === 'true',
  };
}

/** A whole number from `least` up. */
export function integer<Absent extends number | null>(
  option: Option,
  {least, absent}: {readonly least: number; readonly absent: Absent},
): Field<number | Absent> {
  return {
    options: [option],
    required: false,
    read(texts) {
      const given = texts[option.name];
      if (given === undefined) return () => absent;
      const number = Number(given);
      if (!/^\d+$/.test(given) || number < least || !Number.isSafeInteger(number)) {
        throw new OrchestratorError('INPUT_INVALID', `--${option.name} ${JSON.stringify(given)} is not a whole number from ${least} up`);
      }
      return () => number;
    },
  };
}

function demand(option: Option, given: string | undefined): string {
  const trimmed = given?.trim() ?? '';
  if (trimmed === '') throw new OrchestratorError('INPUT_INVALID', `--${option.name} is missing: ${option.about}`);
  return trimmed;
}
