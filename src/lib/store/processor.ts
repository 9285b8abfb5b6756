/** A process of ours, as it is written into rows that 3.2.6 reads too. */
export interface Processor {
  readonly hostname: string;
  readonly token: string;
}
