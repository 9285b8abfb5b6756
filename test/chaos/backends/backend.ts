import type {Instance} from '../../sandbox/index.ts';

export const BACKEND_KINDS = ['galera', 'group', 'proxy'] as const;
export type BackendKind = (typeof BACKEND_KINDS)[number];

/** What the services share: three ways in, one for each node. */
export interface Backend {
  readonly kind: BackendKind;
  readonly version: string;
  /** All database servers of it. */
  readonly servers: readonly Instance[];
  /** The port a node connects to, by its place. */
  way(node: number): number;
  /** Ends one server with kill -9; `revive` brings it back. */
  kill(server: number): Promise<void>;
  /** Starts one server again with a clock that is so many seconds fast, or slow; `revive` sets it right. */
  setClock(server: number, seconds: number): Promise<void>;
  /** Makes it unable to write: without a majority, or without its one writable server. */
  loseQuorum(): Promise<void>;
  /** Makes it take writes again on every way in, whatever was done to it. Services may be at work. */
  revive(): Promise<void>;
  /** Makes it what it was at its start; what it holds may be gone. No service is at work. */
  renew(): Promise<void>;
  /** Only where one server is writable and a proxy leads to it. */
  readonly proxied?: Proxied;
  down(): Promise<void>;
}

/** What can be done to a source with a replica behind a proxy that leads to the writable one. */
export interface Proxied {
  /** The source dies, and the replica takes its place; `losing`: without what was written in the last so many milliseconds. */
  failOver(options?: {readonly losing?: number}): Promise<void>;
  /** The proxy leads to the replica, which is read-only, for a while; then back. */
  mislead(milliseconds: number): Promise<void>;
}
