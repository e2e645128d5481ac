import type { Subscription } from "#common/event-hub.js";
import type { RuntimeHost, RuntimeHostEvent } from "#runtime/host/host.js";
import type { AnswerOf, BodyValue, RuntimeInfoResponse, RuntimeRequestKind } from "#runtime/rhp/messages/index.js";

/** What stands between a worker and its runtime: may look at requests, and change or refuse answers. */
export type Interference = <K extends RuntimeRequestKind>(
  kind: K,
  value: BodyValue<K>,
  go: (value: BodyValue<K>) => Promise<AnswerOf<K>>,
) => Promise<AnswerOf<K>>;

/** A host whose answers pass through somebody's hands. */
export class WrappedHost implements RuntimeHost {
  constructor(
    private readonly inner: RuntimeHost,
    private readonly interfere: Interference,
  ) {}

  get runtimeId(): Uint8Array {
    return this.inner.runtimeId;
  }

  get info(): RuntimeInfoResponse | undefined {
    return this.inner.info;
  }

  start(): Promise<void> {
    return this.inner.start();
  }

  stop(): Promise<void> {
    return this.inner.stop();
  }

  call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    return this.interfere(kind, value, (changed) => this.inner.call(kind, changed, deadlineMs));
  }

  abort(force?: boolean): Promise<void> {
    return this.inner.abort(force);
  }

  watch(): Subscription<RuntimeHostEvent> {
    return this.inner.watch();
  }
}
