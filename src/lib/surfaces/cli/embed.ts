import type {Command} from '@oclif/core/command';
import {Config, Plugin} from '@oclif/core/config';
import type {Hook, Hooks, Manifest} from '@oclif/core/interfaces';
import type {Operation} from '../../operations/define.ts';
import type {CommandClass, Embedding} from './command.ts';

/** Loads one command's file, so that a command line loads no other. */
export type CommandMap = Readonly<Record<string, () => Promise<{readonly default: CommandClass}>>>;

export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

/** An oclif plugin that knows its commands instead of searching the disk for them. */
class EmbeddedPlugin extends Plugin {
  readonly #map: CommandMap;

  constructor(map: CommandMap, facts: PackageFacts, manifest: Manifest) {
    super({root: '/', isRoot: true, name: facts.name, pjson: pjsonOf(facts)});
    this.#map = map;
    // Declared private, and the one place where oclif asks what commands there are.
    Object.defineProperty(this, '_manifest', {value: () => Promise.resolve(manifest)});
  }

  override async findCommand(id: string): Promise<Command.Class> {
    const load = this.#map[id.replaceAll(':', ' ')];
    if (load === undefined) throw new Error(`no command ${id}`);
    const {default: found} = await load();
    return Object.assign(found, {plugin: this}) as unknown as Command.Class;
  }
}

function manifestOf(operations: readonly Operation[], version: string): Manifest {
  const commands = operations.map((operation) => {
    const id = operation.name.replaceAll(' ', ':');
    return [id, {id, aliases: [], hiddenAliases: [...operation.formerly], args: {}, flags: {}, summary: operation.about}] as const;
  });
  return {version, commands: Object.fromEntries(commands) as unknown as Manifest['commands']};
}

/** oclif's configuration, with what our commands find in it. */
export class EmbeddedConfig extends Config {
  readonly embedding: Embedding;

  constructor(options: ConstructorParameters<typeof Config>[0], embedding: Embedding) {
    super(options);
    this.embedding = embedding;
  }

  /** We have no hooks, and oclif looks for them in plugins that a single command does without. */
  override runHook<Event extends keyof Hooks, All extends Hooks = Hooks>(): Promise<Hook.Result<All[Event]['return']>> {
    return Promise.resolve({successes: [], failures: []});
  }
}

/** As much as running one command takes: no plugins, no hooks, nothing looked for on the disk. */
export function bareConfig(facts: PackageFacts, embedding: Embedding): EmbeddedConfig {
  return new EmbeddedConfig({root: '/', pjson: pjsonOf(facts)}, embedding);
}

/** Everything oclif has to know to explain commands, without reading anything from the disk. */
export async function embed(map: CommandMap, facts: PackageFacts, embedding: Embedding): Promise<EmbeddedConfig> {
  const plugin = new EmbeddedPlugin(map, facts, manifestOf(embedding.program.operations, facts.version));
  await plugin.load();
  const config = new EmbeddedConfig({root: '/', pjson: pjsonOf(facts), plugins: new Map([[facts.name, plugin]])}, embedding);
  await config.load();
  return config;
}

function pjsonOf(facts: PackageFacts): NonNullable<ConstructorParameters<typeof Config>[0]['pjson']> {
  return {
    ...facts,
    dependencies: {},
    devDependencies: {},
    oclif: {bin: 'orchestrator', dirname: 'orchestrator', topicSeparator: ' ', commands: './none'},
  };
}
