import { describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { MessageEvent, type RoundResults } from "#consensus/services/roothash/types.js";
import { TransferResult } from "#consensus/services/staking/types/transactions.js";
import {
  defineEvent,
  defineRuntime,
  type Dispatcher,
  messages,
  method,
  noArguments,
  Quantity,
  refuse,
  resultHandler,
  text,
} from "#runtime/kit/index.js";
import type { RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { ADDRESS_ZERO } from "../support/address.ts";
import { introduced, scheduled, tagsOf } from "../support/kit.ts";
import { call, TestNode } from "../support/node.ts";

const said = defineEvent("said", text({ max: 100 }));
const label = text({ max: 100 });

const paid = resultHandler({
  name: "paid",
  result: TransferResult,
  data: label,
  execute(ctx, outcome, data) {
    ctx.state.putText("last", data);
    ctx.emitEvent(
      said,
      outcome.ok ? `${data}: ${outcome.result.amount}` : `${data}: ${outcome.module}/${outcome.code}`,
    );
    if (data === "refuse") refuse("as asked");
  },
});

const program = defineRuntime({
  version: { major: 0, minor: 0, patch: 0 },
  resultHandlers: [paid],
  methods: {
    pay: method({
      args: label,
      result: noArguments,
      execute(ctx, data) {
        ctx.send(messages.transfer({ to: ADDRESS_ZERO, amount: 5n }), paid, data);
        if (data === "fail") refuse("after it was sent");
        return null;
      },
    }),
    forget: method({
      args: noArguments,
      result: noArguments,
      execute(ctx) {
        ctx.emitMessage(messages.transfer({ to: ADDRESS_ZERO, amount: 6n }).message);
        return null;
      },
    }),
  },
});

class Rounds {
  readonly node = new TestNode();
  private nonce = 0;
  constructor(private dispatcher: Dispatcher = introduced(program, this.node)) {}

  /** From now on another version of the program runs. */
  become(other: Dispatcher): void {
    this.dispatcher = other;
  }

  private execute(inputs: Uint8Array[], results: readonly Partial<MessageEvent>[]): RuntimeExecuteTxBatchResponse {
    const events = results.map((event) => ({ ...MessageEvent.zero(), result: Uint8Array.of(0xf6), ...event }));
    const roundResults: RoundResults = { messages: events, goodComputeEntities: [], badComputeEntities: [] };
    const response = scheduled(this.dispatcher, { ...this.node.scheduling(inputs), roundResults });
    this.node.finalize(response);
    return response;
  }

  send(...labels: string[]): RuntimeExecuteTxBatchResponse {
    return this.execute(
      labels.map((data) => call("a", this.nonce++, "pay", label.encode(data))),
      [],
    );
  }

  forget(): RuntimeExecuteTxBatchResponse {
    return this.execute([call("a", this.nonce++, "forget")], []);
  }

  hear(...results: readonly Partial<MessageEvent>[]): string[] {
    return tagsOf(this.execute([], results)).map(({ value }) => said.value.decode(value));
  }

  state(key: string): string | undefined {
    const { stateRoot, round, namespace } = this.node.header;
    const tree = this.node.openTree({ namespace, version: round, type: 1, hash: stateRoot });
    const value = tree.get(utf8(key));
    return value && new TextDecoder().decode(value);
  }
}

const result = (amount: bigint): Uint8Array => TransferResult.encode({ from: ADDRESS_ZERO, to: ADDRESS_ZERO, amount });

describe("messages and their results", () => {
  test("each result comes to the handler that the message was sent with, with what it remembers", () => {
    for (const [event, expected] of [
      [{ result: result(5n) }, "one: 5"],
      [{ module: "staking", code: 3 }, "one: staking/3"],
    ] as const) {
      const rounds = new Rounds();
      expect(rounds.send("one").batch.messages).toHaveLength(1);
      expect(rounds.hear(event)).toEqual([expected]);
      // The results stay the same until the next normal round: they are heard once.
      expect(rounds.hear(event)).toEqual([]);
    }
  });

  test("results are told apart by their index, and those that nobody waits for are passed over", () => {
    const rounds = new Rounds();
    rounds.send("one", "two");
    rounds.hear({ index: 1, result: result(2n) }, { index: 7, result: result(7n) });
    expect(rounds.state("last")).toBe("two");
    rounds.hear({ index: 0, result: result(1n) });
    expect(rounds.state("last")).toBe("one");
    rounds.forget();
    expect(rounds.hear({ result: result(6n) })).toEqual([]);
  });

  test("a message of a refused call is neither sent nor waited for", () => {
    const rounds = new Rounds();
    expect(rounds.send("fail").batch.messages).toEqual([]);
    expect(rounds.hear({ result: result(5n) })).toEqual([]);
  });

  test("a handler that refuses leaves nothing behind", () => {
    const rounds = new Rounds();
    rounds.send("refuse");
    expect(rounds.hear({ result: result(5n) })).toEqual([]);
    expect(rounds.state("last")).toBeUndefined();
  });

  test("a result of another type, or one whose handler is gone, stops the round", () => {
    const rounds = new Rounds();
    rounds.send("one");
    expect(() => rounds.hear({ result: Quantity.encode(1n) })).toThrow("result of message 0");
    const renamed = defineRuntime({ ...program, resultHandlers: [{ ...paid, name: "renamed" }] });
    rounds.become(introduced(renamed, rounds.node));
    expect(() => rounds.hear({ result: result(5n) })).toThrow('nobody handles the result of message 0: "paid"');
  });

  test("two handlers of one name are a mistake of the author", () => {
    expect(() => defineRuntime({ ...program, resultHandlers: [paid, paid] })).toThrow('named "paid"');
  });
});
