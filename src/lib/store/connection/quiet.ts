import type {Knex} from 'knex';

const nothing = (): void => undefined;

/** knex prints warnings to the console on its own; what matters of them comes back as errors. */
export const quiet: Knex.Logger = {warn: nothing, error: nothing, deprecate: nothing, debug: nothing};
