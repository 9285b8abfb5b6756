import type {Config} from '../../config/keys.ts';
import {compilePattern} from '../../config/pattern.ts';
import type {LogEvent} from '../../flavor/commands/words.ts';
import type {Instance} from '../../model/instance.ts';
import {textOfEvent} from './comparable.ts';

/** The part of the configuration that says what a Pseudo-GTID entry looks like, and what is left out when logs are compared. */
export type MarkPolicy = Pick<
  Config,
  'PseudoGTIDPattern' | 'PseudoGTIDPatternIsFixedSubstring' | 'PseudoGTIDMonotonicHint' | 'SkipBinlogEventsContaining'
>;

/** What tells a Pseudo-GTID entry, a mark, from any other event. */
export interface Marks {
  /** The text of the mark, the same in every log it stands in; null for any other event. */
  read(event: LogEvent): string | null;
  /** Marks of this kind ascend in every log, as text: what is beyond the one that is sought need not be looked at. */
  ascends(mark: string): boolean;
}

/** @returns null where no pattern is configured: Pseudo-GTID is not in use */
export function marksOf(policy: MarkPolicy): Marks | null {
  const {PseudoGTIDPattern: pattern, PseudoGTIDPatternIsFixedSubstring: plain, PseudoGTIDMonotonicHint: hint} = policy;
  const isMark = pattern === '' ? null : plain ? (text: string) => text.includes(pattern) : matcher(pattern);
  if (!isMark) return null;
  return {
    read(event) {
      // What clients wrote into rows shows in no event, and a mark is a statement.
      const text = event.type.startsWith('Query') ? textOfEvent(event) : '';
      return text !== '' && isMark(text) ? text : null;
    },
    ascends: (mark) => hint !== '' && mark.includes(hint),
  };
}

function matcher(pattern: string): ((text: string) => boolean) | null {
  const compiled = compilePattern(pattern);
  return compiled && ((text) => compiled.test(text));
}

/** Whether an instance is known to have marks in what it replicates, and we know what they look like. */
export function usesPseudoGtid({detected}: Pick<Instance, 'detected'>, policy: Pick<MarkPolicy, 'PseudoGTIDPattern'>): boolean {
  return policy.PseudoGTIDPattern !== '' && detected.pseudoGtid;
}
