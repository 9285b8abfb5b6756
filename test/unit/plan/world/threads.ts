import type {Server, World} from './world.ts';

/** A step did not reach what it promises. */
export class Failed extends Error {}

export function living(world: World, name: string): Server {
  const server = world.get(name);
  if (!server?.alive) throw new Failed(`${name} is dead`);
  return server;
}

/** Both threads run and get on, or the step that started them failed. */
export function mustReplicate(world: World, on: Server): void {
  if (!world.replicates(on)) throw new Failed(`it does not follow ${on.source}`);
}
