import { fromBase64, toBase64 } from "#common/bytes.js";
import type { Schema } from "#common/schema/index.js";
import type { AbciEvent, EventAttribute } from "../transaction/results.js";

/** One kind of event of a service: the attribute key and the type of its CBOR value. */
export interface EventKind<T> {
  /** Type of the carrying event: `oasis_event_` and the application's name. */
  readonly type: string;
  readonly kind: string;
  readonly schema: Schema<T>;
  /** Whether events of this kind enter the events root of the block. */
  readonly provable: boolean;
}

/** Event type of an application, e.g. `oasis_event_100_staking`. */
export function eventType(appName: string): string {
  return `oasis_event_${appName}`;
}

/**
 * Declares an event kind.
 * @param appName name of the application with its order prefix, e.g. `100_staking`
 * @param kind attribute key, e.g. `transfer`
 */
export function defineEvent<T>(
  appName: string,
  kind: string,
  schema: Schema<T>,
  options?: { provable?: boolean },
): EventKind<T> {
  return { type: eventType(appName), kind, schema, provable: options?.provable ?? false };
}

/** The attribute that carries an event: its kind and the base64 text of its CBOR. */
export function eventAttribute<T>(event: EventKind<T>, value: T): EventAttribute {
  return { key: event.kind, value: toBase64(event.schema.encode(value)) };
}

/** Reads an event of this kind out of a carrying event; undefined when it holds another kind. */
export function decodeEvent<T>(event: EventKind<T>, carrier: AbciEvent): T | undefined {
  if (carrier.type !== event.type) return undefined;
  const attribute = carrier.attributes.find((a) => a.key === event.kind);
  return attribute === undefined ? undefined : event.schema.decode(fromBase64(attribute.value), "extended");
}
