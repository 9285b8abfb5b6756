const HALF = 32 * 1024;

/** What a hook printed: the first and the last 32 KiB, and how much is missing between them. Needs 64 KiB however much comes. */
export class BoundedOutput {
  readonly #head = Buffer.alloc(HALF);
  #headLength = 0;
  /** A ring: the byte after the newest one is the oldest one. */
  readonly #tail = Buffer.alloc(HALF);
  /** How many bytes the tail was given so far. */
  #tailSeen = 0;

  add(chunk: Buffer): void {
    const taken = chunk.copy(this.#head, this.#headLength);
    this.#headLength += taken;
    const rest = chunk.subarray(taken);
    const kept = rest.subarray(-HALF);
    const at = (this.#tailSeen + rest.length - kept.length) % HALF;
    const copied = kept.copy(this.#tail, at);
    kept.copy(this.#tail, 0, copied);
    this.#tailSeen += rest.length;
  }

  get droppedBytes(): number {
    return Math.max(0, this.#tailSeen - HALF);
  }

  get text(): string {
    const oldest = this.droppedBytes === 0 ? 0 : this.#tailSeen % HALF;
    const newest = Math.min(this.#tailSeen, HALF);
    const between = this.droppedBytes === 0 ? '' : `\n[… ${this.droppedBytes} bytes left out …]\n`;
    const parts = [
      this.#head.subarray(0, this.#headLength),
      Buffer.from(between),
      this.#tail.subarray(oldest, newest),
      this.#tail.subarray(0, oldest),
    ];
    return Buffer.concat(parts).toString('utf8');
  }
}
