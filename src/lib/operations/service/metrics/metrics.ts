import {BUCKETS, METRICS, type MetricDeclaration, type MetricName} from './declared.ts';

export type Labels = Readonly<Record<string, string>>;

/** One line of a metric: its labels, and what was counted. */
interface Series {
  readonly labels: Labels;
  /** Of a histogram the sum. */
  value: number;
  /** Of a histogram: how many were not above each bucket's bound, and above none. */
  readonly buckets: number[];
}

/** Numbers of one process, as Prometheus reads them. Counting is a look into a map. */
export class Metrics {
  readonly #series = new Map<MetricName, Map<string, Series>>();

  /** Adds to a counter. */
  count(name: MetricName, labels: Labels = {}, by = 1): void {
    this.#at(name, labels).value += by;
  }

  /** Sets a gauge, or a counter that somebody else counts. */
  set(name: MetricName, value: number, labels: Labels = {}): void {
    this.#at(name, labels).value = value;
  }

  /** Counts one duration in a histogram. */
  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    const series = this.#at(name, labels);
    series.value += seconds;
    const found = BUCKETS.findIndex((bound) => seconds <= bound);
    const at = found < 0 ? BUCKETS.length : found;
    series.buckets[at] = (series.buckets[at] ?? 0) + 1;
  }

  /** Takes away every line of a metric: those set next are all there is. */
  clear(name: MetricName): void {
    this.#series.delete(name);
  }

  /** Of a counter or a gauge; summed over its labels. Of a histogram, how many there were. */
  read(name: MetricName): number {
    const all = [...(this.#series.get(name)?.values() ?? [])];
    const isHistogram = METRICS[name].type === 'histogram';
    return all.reduce((sum, {value, buckets}) => sum + (isHistogram ? total(buckets) : value), 0);
  }

  /** @see https://prometheus.io/docs/instrumenting/exposition_formats/ "Text-based format", version 0.0.4 */
  text(): string {
    const parts = Object.entries<MetricDeclaration>(METRICS).map(([name, declared]) => {
      const series = [...(this.#series.get(name as MetricName)?.values() ?? [])];
      const empty = declared.labels.length === 0 && declared.type !== 'gauge' ? [blank({})] : [];
      const lines = (series.length > 0 ? series : empty).flatMap((one) => linesOf(name, declared, one));
      return [`# HELP ${name} ${declared.about}`, `# TYPE ${name} ${declared.type}`, ...lines].join('\n');
    });
    return `${parts.join('\n')}\n`;
  }

  #at(name: MetricName, labels: Labels): Series {
    const known = this.#series.get(name) ?? new Map<string, Series>();
    this.#series.set(name, known);
    const key = labelText(labels);
    const series = known.get(key) ?? blank(labels);
    known.set(key, series);
    return series;
  }
}

function blank(labels: Labels): Series {
  return {labels, value: 0, buckets: Array.from({length: BUCKETS.length + 1}, () => 0)};
}

function linesOf(name: string, {type}: MetricDeclaration, {labels, value, buckets}: Series): readonly string[] {
  if (type !== 'histogram') return [`${name}${labelText(labels)} ${value}`];
  const count = total(buckets);
  let below = 0;
  const bounds = BUCKETS.map((bound, at) => {
    below += buckets[at] ?? 0;
    return `${name}_bucket${labelText({...labels, le: String(bound)})} ${below}`;
  });
  const whole = [`${name}_bucket${labelText({...labels, le: '+Inf'})} ${count}`];
  return [...bounds, ...whole, `${name}_sum${labelText(labels)} ${value}`, `${name}_count${labelText(labels)} ${count}`];
}

function labelText(labels: Labels): string {
  const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return all.length === 0 ? '' : `{${all.join(',')}}`;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
