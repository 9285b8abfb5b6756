import type {Config} from '../../../src/lib/config/keys.ts';
import type {Instance, Sandbox} from '../../sandbox/index.ts';
import type {BackendHost} from './backends.ts';
import {insert} from './replicas.ts';
import type {Service} from './service.ts';
import {site, watching, type Site} from './site.ts';

/** A source with replicas that have its ten rows, and a service that watches them. */
export interface Scene {
  readonly a: Instance;
  readonly b: Instance;
  readonly c: Instance;
  readonly at: Site;
  readonly service: Service;
}

/**
 * Makes `a: b c` with rows 1 to 10, and an installation that has looked at it.
 *
 * @param settings beside those of `site`; may depend on the servers
 */
export async function scene(
  {box, host}: {readonly box: Sandbox; readonly host: BackendHost},
  settings: Partial<Config> | ((servers: Pick<Scene, 'a' | 'b' | 'c'>) => Partial<Config>) = {},
): Promise<Scene> {
  const {a, b, c} = await box.topology('a: b c');
  await insert(a, 1, 10);
  await box.caughtUp();
  const at = await site({
    backend: host,
    servers: [a, b, c],
    settings: typeof settings === 'function' ? settings({a, b, c}) : settings,
  });
  try {
    const service = await at.serve();
    await watching(at, a);
    return {a, b, c, at, service};
  } catch (error) {
    await at.down();
    throw error;
  }
}
