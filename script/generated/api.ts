import {optionsOf, SECTIONS, type LegacyRoute, type Operation} from '../../src/lib/operations/define.ts';
import {LEFT_OUT} from '../../src/lib/operations/left-out.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import {ourPath} from '../../src/lib/surfaces/http/our-routes.ts';

/** docs/api.md: how the HTTP interface is used, and every route of it. */
export function apiPage(): string {
  return [INTRODUCTION, ...SECTIONS.map(section).filter((part) => part !== ''), OTHERS, leftOut()].join('\n\n') + '\n';
}

const INTRODUCTION = `<!-- Written by script/generate from src/lib/operations. Change it there. -->

# HTTP

\`orchestrator serve\` answers on \`ListenAddress\`, below \`URLPrefix\`. There are two sets of routes for the same operations.

**Ours**, one an operation, named as the command: \`GET /api/v4/NAME\` where nothing is changed, with options in the query, and
\`POST /api/v4/NAME\` where something is, with options in a JSON object or in the query. They answer what \`--json\` prints, and failures as
\`{"code", "message", "hint"}\` with the status of [errors.md](errors.md).

\`\`\`sh
curl 'http://localhost:3000/api/v4/which-master?instance=db2'
curl -H 'Content-Type: application/json' -d '{"instance": "db1", "duration": "30m", "reason": "new disk"}' http://localhost:3000/api/v4/begin-downtime
\`\`\`

**Those of 3.2.6**, for the scripts and dashboards there are. They answer the JSON of 3.2.6, bare or as \`{"Code", "Message", "Details"}\`, and
every failure with status 500. Those that change something answer GET as well as POST, unless \`ChangesByGet\` is off; HEAD changes nothing.

**Lists** carry an \`ETag\`: who sends it back as \`If-None-Match\` gets 304 and no body while nothing has changed; and they are compressed for who
sends \`Accept-Encoding: gzip\`. What looks at everything (\`all-instances\`, \`clusters\`, \`clusters-info\`, \`masters\`, \`replication-analysis\` and the like) is
read once for all who ask: an answer has everything that was written a second before the question, by whomever, and at once everything that was
changed through the same node. Commands read the backend each time.

An answer with the header \`X-Orchestrator-Stale: SECONDS\` was read from a database without a majority, and is as old as that says at least
([high-availability.md](high-availability.md#without-a-majority)); what would change something is refused meanwhile.

Both are described for programs at \`/api/openapi.json\` (OpenAPI 3.1).

## Who may ask

\`AuthenticationMethod\` says how it is known who asks:

| method | who may read | who may change | who it was, for the record |
|---|---|---|---|
| empty | everybody | everybody | \`owner\`, else the name of this host |
| \`basic\` | \`HTTPAuthUser\` with \`HTTPAuthPassword\` | the same | the login |
| \`multi\` | the same, and \`readonly\` with any password | \`HTTPAuthUser\` | the login |
| \`proxy\` | everybody | whom \`AuthUserHeader\` names, if in \`PowerAuthUsers\` or of one of \`PowerAuthGroups\` | that name |
| \`token\` | everybody | who picked up a token that \`orchestrator access-token\` made, by opening \`/web/access-token?publicToken=TOKEN\` | who made it |

- \`ReadOnly\` lets nobody change anything. \`UseMutualTLS\` demands a certificate of one of \`SSLValidOUs\` beside all this.
- With \`AuthTrustedProxies\` only those addresses are believed who is behind them; who comes past them may read.
- An address that was wrong with its password twenty times has to wait, and gets 429; a login that was right from there before goes on.
- Browsers may change something only from pages of this service: a request that \`Sec-Fetch-Site\` or \`Origin\` says comes from elsewhere, a link
  in a mail included, is refused with 403. Programs send neither.`;

const OTHERS = `## Of the service itself

| path below \`/api/\` | answer |
|---|---|
| \`lb-check\`, \`_ping\` | 200 always |
| \`leader-check\`, \`leader-check/:errorStatusCode\`, \`routed-leader-check\` | 200 when this node leads; 404, or the status asked for, when not |
| \`health\`, \`status\` (or \`StatusEndpoint\`) | what this node knows of itself, of the leader and of the others; 500 when it is not well |
| \`grab-election\`, \`reelect\` | moves leadership here, or to whoever is elected; for those who may change things |
| \`reload-configuration\` | the service reads its configuration again, as on SIGHUP; tells what is in force now, and what a restart is needed for |
| \`headers\` | the headers that reached the service, to see what a proxy does to them; secrets are hidden |
| \`discovery-metrics-raw/:seconds\`, \`discovery-metrics-aggregated/:seconds\` | probes within so many seconds, singly and summed up; only the leader has any |
| \`discovery-queue-metrics-raw/:seconds\`, \`discovery-queue-metrics-aggregated/:seconds\` | how many servers were being probed and had to wait, each second |
| \`backend-query-metrics-raw/:seconds\`, \`backend-query-metrics-aggregated/:seconds\` | how long the backend took |
| \`events\` | what happens, as server-sent events: see [events.md](events.md) |
| \`write-buffer-metrics-raw/:seconds\`, \`write-buffer-metrics-aggregated/:seconds\` | how many probed instances were written at once, and how long that took |

Not below \`/api/\`: \`/metrics\`, \`/debug/metrics\`, \`/debug/vars\` and \`/health/live|ready|leader\`, see [metrics.md](metrics.md).`;

function section(name: string): string {
  const own = ALL.filter((operation) => operation.section === name && (!operation.localOnly || operation.routes.length > 0));
  const rows = own.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(row);
  return rows.length === 0 ? '' : [`## ${name}`, ['| ours | options | those of 3.2.6 |', '|---|---|---|', ...rows].join('\n')].join('\n\n');
}

function row(operation: Operation): string {
  const method = operation.changes === 'nothing' ? 'GET' : 'POST';
  const ours = operation.localOnly ? '' : `\`${method} ${ourPath(operation)}\``;
  const options = operation.localOnly ? [] : optionsOf(operation).map((option) => `\`${option.name}\``);
  return `| ${ours} | ${options.join(', ')} | ${operation.routes.map(legacy).join('<br>')} |`;
}

function legacy(route: LegacyRoute<unknown>): string {
  const query = Object.keys(route.query ?? {});
  const asked = query.length === 0 ? '' : `?${query.map((name) => `${name}=`).join('&')}`;
  return `\`${route.path}${asked}\``;
}

function leftOut(): string {
  const rows = LEFT_OUT.filter((one) => one.routes.length > 0).map(
    ({routes, because}) => `| ${routes.map((path) => `\`${path}\``).join(' ')} | ${because} |`,
  );
  return ['## Left out', 'Answered with 501 and the reason.', ['| path | instead |', '|---|---|', ...rows].join('\n')].join('\n\n');
}
