import type {Backend, BackendKind} from './backend.ts';
import {galeraBackend} from './galera.ts';
import {groupBackend} from './group.ts';
import {proxiedBackend} from './proxied.ts';

const OPENERS: Readonly<Record<BackendKind, () => Promise<Backend>>> = {galera: galeraBackend, group: groupBackend, proxy: proxiedBackend};

export function openBackend(kind: BackendKind): Promise<Backend> {
  return OPENERS[kind]();
}
