import { Counter, Gauge, Registry, Summary } from "prom-client";
import { assert } from "#common/assert.js";
import type { LabelValues, MetricDefinition, Metrics, MetricTable } from "#common/ports/metrics.js";

/** The metrics port for Prometheus. Summaries give sum and count, as those of the reference do. */
export class PrometheusMetrics implements Metrics {
  private readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly summaries = new Map<string, Summary>();

  /** @param prefix put before every name */
  constructor(table: MetricTable, prefix: string) {
    for (const [name, definition] of Object.entries(table)) this.define(name, `${prefix}${name}`, definition);
  }

  private define(key: string, name: string, { kind, help, labels }: MetricDefinition): void {
    const options = { name, help, labelNames: [...labels], registers: [this.registry] };
    if (kind === "counter") this.counters.set(key, new Counter(options));
    else if (kind === "gauge") this.gauges.set(key, new Gauge(options));
    else this.summaries.set(key, new Summary({ ...options, percentiles: [] }));
  }

  count(name: string, labels: LabelValues = {}, by = 1): void {
    const counter = this.counters.get(name);
    assert(counter !== undefined, `${name} is no counter`);
    counter.inc(labels, by);
  }

  set(name: string, value: number, labels: LabelValues = {}): void {
    const gauge = this.gauges.get(name);
    assert(gauge !== undefined, `${name} is no gauge`);
    gauge.set(labels, value);
  }

  observe(name: string, value: number, labels: LabelValues = {}): void {
    const summary = this.summaries.get(name);
    assert(summary !== undefined, `${name} is no summary`);
    summary.observe(labels, value);
  }

  /** Media type of the text. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Everything in Prometheus's text form. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
