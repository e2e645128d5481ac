/** What a metric is: something that only grows, something that goes up and down, or many measurements of one thing. */
export type MetricKind = "counter" | "gauge" | "summary";

/** One metric, as operators see it. */
export interface MetricDefinition {
  readonly kind: MetricKind;
  readonly help: string;
  /** Names of its labels. */
  readonly labels: readonly string[];
}

/** Metric name without the common prefix -> metric. */
export type MetricTable = Readonly<Record<string, MetricDefinition>>;

/** Values of labels, by name. */
export type LabelValues = Readonly<Record<string, string>>;

/** The metrics port: counts and measurements for operators. Nothing may depend on what it does with them. */
export interface Metrics {
  /** Adds to a counter. @param by 1 if absent */
  count(name: string, labels?: LabelValues, by?: number): void;
  /** Sets a gauge. */
  set(name: string, value: number, labels?: LabelValues): void;
  /** Adds a measurement to a summary. */
  observe(name: string, value: number, labels?: LabelValues): void;
}
