import {galeraBackend, type Backend, type BackendKind} from './backend.ts';

const OPENERS: Readonly<Record<BackendKind, () => Promise<Backend>>> = {
  galera: galeraBackend,
  group: galeraBackend,
  proxy: galeraBackend,
};

export function openBackend(kind: BackendKind): Promise<Backend> {
  return OPENERS[kind]();
}
