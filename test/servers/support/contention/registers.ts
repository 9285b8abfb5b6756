/** Something of which there is one for all, and which everybody may overwrite: the downtime of an instance, the kill switch. Empty at first. */
export interface Write {
  readonly register: string;
  readonly value: string;
  readonly from: number;
  /** Infinity where no answer told whether it was written, or will be. */
  readonly until: number;
  /** The answer was that it is written. */
  readonly certain: boolean;
}

/** What somebody was told, or what is there in the end. */
export interface Read {
  readonly register: string;
  readonly value: string;
  readonly from: number;
  readonly until: number;
}

/**
 * What was read and cannot have been there then: never written before, or overwritten for certain since. Of writes that overlap either may be
 * the last. A sentence each. Pure.
 */
export function impossibleReads(writes: readonly Write[], reads: readonly Read[]): readonly string[] {
  const found = reads
    .filter((read) => !possible(writes, read))
    .map(({register, value}) => `${register} was read as "${value}", and others wrote it since or nobody did`);
  return [...new Set(found)];
}

function possible(writes: readonly Write[], read: Read): boolean {
  const ofIt = writes.filter(({register}) => register === read.register);
  const over = ofIt.filter(({certain, until}) => certain && until < read.from);
  if (read.value === '' && over.length === 0) return true;
  return ofIt.some(({value, from, until}) => value === read.value && from < read.until && !over.some((later) => later.from > until));
}
