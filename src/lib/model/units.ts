declare const unit: unique symbol;

/** A number that says what it counts. Plain numbers are accepted; a quantity of another unit is not. */
export type Quantity<Unit extends string> = number & {readonly [unit]?: Unit};

/** Whole or fractional seconds; what servers report as lag and what configuration speaks. */
export type Seconds = Quantity<'s'>;
export type Milliseconds = Quantity<'ms'>;
export type Nanoseconds = Quantity<'ns'>;

/** Milliseconds of this process's monotonic clock (`performance.now()`); means nothing to another process. */
export type Monotonic = Quantity<'monotonic-ms'>;

/** `YYYY-MM-DD HH:MM:SS` on the *backend's* clock, as read; never parsed into a local time. */
export type BackendTime = string;
