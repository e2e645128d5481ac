import { utf8 } from "#common/bytes.js";
import type { Subscription } from "#common/event-hub.js";
import { ROOT_STATE } from "#mkvs/node/root.js";
import type { RuntimeHost, RuntimeHostEvent } from "#runtime/host/host.js";
import type { HostPort } from "#runtime/kit/host-port.js";
import type {
  AnswerOf,
  BodyValue,
  RuntimeExecuteTxBatchResponse,
  RuntimeInfoResponse,
  RuntimeRequestKind,
} from "#runtime/rhp/messages/index.js";

const KEY = utf8("a key that no transaction wrote");

type ExecuteRequest = BodyValue<"RuntimeExecuteTxBatchRequest">;

/** A host whose runtime, as long as somebody wants it, computes states that hold a key too many. */
export class LyingHost implements RuntimeHost {
  constructor(
    private readonly inner: RuntimeHost,
    private readonly port: HostPort,
    private readonly lies: () => boolean,
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

  async call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    const answer = await this.inner.call(kind, value, deadlineMs);
    if (kind !== "RuntimeExecuteTxBatchRequest" || !this.lies()) return answer;
    return this.alter(value as ExecuteRequest, answer as RuntimeExecuteTxBatchResponse) as AnswerOf<K>;
  }

  abort(force?: boolean): Promise<void> {
    return this.inner.abort(force);
  }

  watch(): Subscription<RuntimeHostEvent> {
    return this.inner.watch();
  }

  private alter({ block }: ExecuteRequest, answer: RuntimeExecuteTxBatchResponse): RuntimeExecuteTxBatchResponse {
    const { namespace, round, stateRoot } = block.header;
    const stateWriteLog = [...answer.batch.stateWriteLog, [KEY, KEY] as const];
    const tree = this.port.openTree({ namespace, version: round, type: ROOT_STATE, hash: stateRoot });
    tree.applyWriteLog(stateWriteLog);
    const header = { ...answer.batch.header, stateRoot: tree.rootHash() };
    return { ...answer, batch: { ...answer.batch, header, stateWriteLog } };
  }
}
