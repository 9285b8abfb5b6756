import type {InstanceKey} from '../model/instance-key.ts';

/**
 * How a legacy route says a result. The shape names a writer of `surfaces/legacy-json`; what the writer takes is known there,
 * and given here by `from`.
 */
export interface Reply<Result> {
  readonly shape: ReplyShape;
  /** The part of the result that the shape shows; the result itself where absent. */
  from?(result: Result): unknown;
  /** Present: the answer is an envelope with this message, and the shape is its `Details`. */
  message?(result: Result): string;
  /** An empty list is written as null, as the predecessor did for some. */
  readonly nullWhenEmpty?: true;
}

export type ReplyShape =
  | 'instance'
  | 'instances'
  | 'key'
  | 'keys'
  | 'cluster-info'
  | 'cluster-infos'
  | 'analyses'
  | 'recovery'
  | 'recoveries'
  | 'recovery-steps'
  | 'detections'
  | 'blocked-recoveries'
  | 'maintenances'
  | 'audit'
  | 'changelog'
  | 'pools'
  | 'promotion-rules'
  | 'log-places'
  | 'plain'
  | 'nothing';

/** Message `Instance discovered: host:port` and the like. */
export function about(what: string): (key: InstanceKey) => string {
  return (key) => `${what}: ${key.host}:${key.port}`;
}
