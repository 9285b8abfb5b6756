/** How the comment begins that stands before every statement with which we change something. */
export const TAG = '/* orchestrator ';

export interface Sender {
  /** UID of the plan; of an operation without one what it is for. */
  readonly what: string;
  readonly fence: number;
  /** Number of the act in the plan; 0: none. */
  readonly step: number;
}

/** Who sends a statement, in three words whatever it is for: `/* orchestrator UID FENCE STEP *\/` is looked for by programs, too. */
export function tagOf({what, fence, step}: Sender): string {
  // A `?` would take a value; an end of comment would let the rest through as a statement; `!` and `+` make one of it.
  const word = what.replaceAll(/\s+/g, '-').replaceAll(/[?!+]|\*\/|\/\*/g, '');
  return `${TAG}${word} ${fence} ${step} */`;
}
