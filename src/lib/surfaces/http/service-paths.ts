/** A route that the service answers from itself, for those who make clients of it. */
export interface ServicePath {
  /** Below URLPrefix, as OpenAPI writes it. */
  readonly path: string;
  readonly about: string;
  /** Of what it sends where all is well. */
  readonly type: 'application/json' | 'text/plain' | 'text/event-stream';
  readonly methods: readonly ('get' | 'post')[];
  /** What it sends where all is not. */
  readonly otherwise?: Readonly<Record<number, string>>;
}

type Rest = Partial<Omit<ServicePath, 'path' | 'about'>>;
const get = (path: string, about: string, rest: Rest = {}): ServicePath => ({
  path,
  about,
  type: 'application/json',
  methods: ['get'],
  ...rest,
});
const NOT_LEADER = {404: 'Another node leads'};
const CHANGES = {methods: ['get', 'post'], otherwise: {500: 'Not done'}} as const;

function measure(name: string, of: string): readonly ServicePath[] {
  return [get(`/api/${name}-raw/{seconds}`, `${of}, singly`), get(`/api/${name}-aggregated/{seconds}`, `${of}, summed up`)];
}

/** The routes that no operation declares, but for the status check, whose place is configured. A test holds them against what is registered. */
export const SERVICE_PATHS: readonly ServicePath[] = [
  get('/api/events', 'What happens, as server-sent events; Last-Event-ID resumes', {type: 'text/event-stream'}),
  get('/api/lb-check', 'OK, for load balancers'),
  get('/api/_ping', 'OK'),
  get('/api/leader-check', 'Whether this node leads', {otherwise: NOT_LEADER}),
  get('/api/leader-check/{errorStatusCode}', 'The same, with a status of the caller where another leads'),
  get('/api/routed-leader-check', 'Whether this node leads', {otherwise: NOT_LEADER}),
  get('/api/health', 'What this node knows of itself, the leader and the others', {otherwise: {500: 'It is not well'}}),
  get('/api/headers', 'The headers that reached the service'),
  get('/api/grab-election', 'Takes leadership', CHANGES),
  get('/api/reelect', 'Has a leader elected anew', CHANGES),
  get('/api/reload-configuration', 'Has the service read its configuration again', CHANGES),
  get('/api/openapi.json', 'This description'),
  ...measure('discovery-metrics', 'Probes within so many seconds'),
  ...measure('discovery-queue-metrics', 'How many servers were being probed and had to wait'),
  ...measure('backend-query-metrics', 'How long the backend took'),
  ...measure('write-buffer-metrics', 'How many instances were written at once, and how long that took'),
  get('/metrics', 'Metrics for Prometheus', {type: 'text/plain'}),
  get('/debug/metrics', 'The numbers of version 3'),
  get('/debug/vars', 'The numbers of version 3'),
  get('/health/live', 'The process answers'),
  get('/health/ready', 'The backend takes what this node writes', {otherwise: {503: 'It does not'}}),
  get('/health/leader', 'Whether this node leads', {otherwise: {503: 'Another node leads'}}),
];
