import {BUCKETS, METRICS, type MetricDeclaration} from '../../src/lib/operations/service/metrics/declared.ts';

/** docs/metrics.md: every metric, and what else tells how a service is. */
export function metricsPage(): string {
  const rows = Object.entries<MetricDeclaration>(METRICS).map(([name, {type, about, labels, shared}]) => {
    const said = shared ? `${about}. *Every node tells the same*` : about;
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${said} |`;
  });
  return [INTRODUCTION, ['| name | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n'), REST].join('\n\n') + '\n';
}

const INTRODUCTION = `<!-- Written by script/generate from src/lib/operations/service/metrics. Change it there. -->

# Metrics and health

\`GET /metrics\`, below \`URLPrefix\`, answers in the text format of Prometheus. Durations are in seconds; histograms have the bounds
${BUCKETS.join(', ')}. What is read from the backend is read at most once a second, however many ask, and is old when
\`orchestrator_backend_up\` is 0.`;

const REST = `## Health

| path below \`URLPrefix\` | 200 when | otherwise |
|---|---|---|
| \`/health/live\` | the process answers | |
| \`/health/ready\` | the backend takes what this node writes; says who leads, and what the leader refuses to recover and why | 503 |
| \`/health/leader\` | this node leads | 503 |

\`/api/leader-check\`, \`/api/health\` and \`/api/status\` are those of 3.2.6.

## The numbers of 3.2.6

\`GET /debug/metrics\` and \`GET /debug/vars\` tell the 38 numbers of 3.2.6 under their names. Recoveries are counted from the record of the
backend and not since the process began; what orchestrator does not have any more (raft, caches of names and of TLS) is 0. With
\`GraphiteAddr\` they are sent there each minute, as \`PREFIX.NAME.count\` and, for what goes up and down, \`PREFIX.NAME.value\`.`;
