import { compareBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import {
  type AnswerOf,
  Body,
  type BodyValue,
  RESPONSES,
  type RuntimeInfoResponse,
  type RuntimeRequestKind,
} from "#runtime/rhp/messages/index.js";

/** What both runtimes must answer alike. The others say what a runtime can do, or nothing. */
const COMPARED: ReadonlySet<RuntimeRequestKind> = new Set([
  "RuntimeCheckTxBatchRequest",
  "RuntimeExecuteTxBatchRequest",
  "RuntimeQueryRequest",
]);

/** Requests of each kind whose answers were compared, and those that differed. */
export interface Comparison {
  readonly compared: Map<RuntimeRequestKind, number>;
  readonly differences: string[];
}

export function newComparison(): Comparison {
  return { compared: new Map(), differences: [] };
}

/** Two runtimes that are asked the same: the node sees what the first one answers. */
export class TwinHost implements RuntimeHost {
  constructor(
    private readonly first: RuntimeHost,
    private readonly second: RuntimeHost,
    private readonly comparison: Comparison,
  ) {}

  get runtimeId(): Uint8Array {
    return this.first.runtimeId;
  }

  get info(): RuntimeInfoResponse | undefined {
    return this.first.info;
  }

  async start(): Promise<void> {
    await Promise.all([this.first.start(), this.second.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.first.stop(), this.second.stop()]);
  }

  abort(force?: boolean): Promise<void> {
    return this.first.abort(force);
  }

  watch(): ReturnType<RuntimeHost["watch"]> {
    return this.first.watch();
  }

  async call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    const answer = this.first.call(kind, value, deadlineMs);
    if (!COMPARED.has(kind)) return answer;
    const [first, second] = await Promise.all([
      outcome(kind, answer),
      outcome(kind, this.second.call(kind, value, 60_000)),
    ]);
    // A runtime that was killed has not answered at all.
    if (first !== undefined) {
      const { compared, differences } = this.comparison;
      compared.set(kind, (compared.get(kind) ?? 0) + 1);
      if (first !== second) differences.push(`${kind}\n  ${first}\n  ${second}`);
    }
    return answer;
  }
}

/** The order of a write log has no meaning, and the Rust side lists deletions as they lie in its hash table. */
function ordered(body: Body): Body {
  if (body.type !== "RuntimeExecuteTxBatchResponse") return body;
  const { batch } = body.value;
  const stateWriteLog = [...batch.stateWriteLog].sort(([a], [b]) => compareBytes(a, b));
  return { ...body, value: { ...body.value, batch: { ...batch, stateWriteLog } } };
}

/** An answer, or error, as text. */
async function outcome<K extends RuntimeRequestKind>(
  kind: K,
  answer: Promise<AnswerOf<K>>,
): Promise<string | undefined> {
  try {
    return toHex(Body.encode(ordered({ type: RESPONSES[kind][0], value: await answer } as Body)));
  } catch (error) {
    if (error instanceof CodedError) return `${error.module} ${error.code}: ${error.message}`;
    if (error instanceof CallFailure) return undefined;
    throw error;
  }
}
