import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyValue } from "../../../examples/kv/kv.ts";
import { concatBytes, toHex, u32be, utf8 } from "#common/bytes.js";
import { EMPTY_HASH } from "#common/hash.js";
import { encodeFrame } from "#runtime/rhp/framing.js";
import {
  type Body,
  bodyOf,
  type ComputedBatch,
  Message,
  MESSAGE_TYPE,
  type RuntimeExecuteTxBatchResponse,
} from "#runtime/rhp/messages/index.js";
import { insertCall, type Provision, testNetwork } from "./support/local-network.ts";
import { type Mangle, mangledHost } from "./support/mangled-host.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const START_MS = 1_700_000_000_000;
/** In this time, in milliseconds, each transaction must be final however a runtime behaves. */
const PATIENCE_MS = 60_000;

function responseFrame(id: bigint, body: Body): Uint8Array {
  return encodeFrame(Message.encode({ id, messageType: MESSAGE_TYPE.response, body }));
}

/** Changes what a batch came to. */
function results(change: (response: RuntimeExecuteTxBatchResponse) => RuntimeExecuteTxBatchResponse): Mangle {
  return ({ id, body }, frame, line) => {
    if (body.type !== "RuntimeExecuteTxBatchResponse") line.send(frame);
    else line.send(responseFrame(id, bodyOf("RuntimeExecuteTxBatchResponse", change(body.value))));
  };
}

const batch = (change: (batch: ComputedBatch) => Partial<ComputedBatch>): Mangle =>
  results((response) => ({ ...response, batch: { ...response.batch, ...change(response.batch) } }));

/** The envelope's members in another order than the canonical one. */
function shuffled({ id, messageType, body }: Message): Uint8Array {
  const key = (name: string): Uint8Array => concatBytes(Uint8Array.of(0x60 + name.length), utf8(name));
  const number = concatBytes(Uint8Array.of(0x1b), new Uint8Array(4), u32be(Number(id)));
  const type = Uint8Array.of(0x18, messageType);
  return encodeFrame(
    concatBytes(Uint8Array.of(0xa3), key("message_type"), type, key("body"), bodyBytes(body), key("id"), number),
  );
}

function bodyBytes(body: Body): Uint8Array {
  const whole = Message.encode({ id: 0n, messageType: 2, body });
  // {"id": 0, "body": …, "message_type": 2}
  return whole.subarray(1 + 3 + 1 + 5, whole.length - (1 + 12 + 1));
}

/** How a runtime misbehaves whenever it has carried out a batch. */
const MISBEHAVIOUR: { readonly [name: string]: Mangle } = {
  "dies instead of answering": (_, __, line) => line.close(),
  "never answers": () => undefined,
  "answers after its time": (_, frame, line) => line.later(4000, () => line.send(frame)),
  "answers twice": (_, frame, line) => {
    line.send(frame);
    line.send(frame);
  },
  "answers with a number that nobody used": ({ id, body }, _, line) => line.send(responseFrame(id + 1000n, body)),
  "answers with the number of an earlier request": ({ body }, _, line) => line.send(responseFrame(0n, body)),
  "answers what was not asked": ({ id }, _, line) => line.send(responseFrame(id, bodyOf("Empty", {}))),
  "answers with an error": ({ id }, _, line) =>
    line.send(responseFrame(id, bodyOf("Error", { module: "runtime", code: 7, message: "no" }))),
  "asks itself back": ({ id, body }, _, line) =>
    line.send(encodeFrame(Message.encode({ id, messageType: MESSAGE_TYPE.request, body }))),
  "announces a frame of 64 MiB": (_, __, line) => line.send(u32be(64 << 20)),
  "announces more than it sends": (_, frame, line) => line.send(frame.subarray(0, frame.length - 1)),
  "writes what is no CBOR": (_, frame, line) => line.send(encodeFrame(frame.map((byte) => byte ^ 0xff))),
  "writes what is not canonical": (message, _, line) => line.send(shuffled(message)),
  "says more than it was asked": (_, frame, line) => {
    for (let id = 0n; id < 50n; id++) line.send(responseFrame(2n ** 60n + id, bodyOf("Empty", {})));
    line.send(frame);
  },
  "computes a state that its log does not lead to": batch(() => ({ stateWriteLog: [[utf8("k"), utf8("v")]] })),
  "computes outputs that their root does not hold": batch(() => ({ ioWriteLog: [] })),
  "leaves a root out": batch(({ header }) => ({ header: { ...header, stateRoot: undefined } })),
  "names another round": batch(({ header }) => ({ header: { ...header, round: header.round + 5n } })),
  "names another block": batch(({ header }) => ({ header: { ...header, previousHash: EMPTY_HASH } })),
  "takes incoming messages that do not wait": batch(({ header }) => ({ header: { ...header, inMessagesCount: 9 } })),
  "schedules more than a batch may have": results((response) => ({
    ...response,
    txHashes: Array.from({ length: 2000 }, () => EMPTY_HASH),
  })),
};

/** One network for all of them; whoever is first among the workers misbehaves for a while. */
describe("the network goes on with a runtime that", () => {
  const clock = new VirtualClock(START_MS);
  let mangle: Mangle | undefined;
  let culprit = "";
  let count = 0;
  let nonce = 0n;
  const provision: Provision = ({ name }, site) =>
    mangledHost(site, keyValue, (message, frame, line) => {
      if (culprit !== name || message.body.type !== "RuntimeExecuteTxBatchResponse") return line.send(frame);
      count++;
      mangle?.(message, frame, line);
    });
  const net = testNetwork(provision, new Map(), { clock });
  const submit = () =>
    net.worker("client-0").client.submitTxMeta(insertCall("alice", nonce, "key", `value ${nonce++}`));

  beforeAll(async () => {
    await net.network.start();
    await submit();
  });

  afterAll(async () => {
    await net.network.stop();
    clock.stop();
  });

  for (const [name, way] of Object.entries(MISBEHAVIOUR)) {
    test(name, async () => {
      [mangle, count] = [way, 0];
      culprit = net.serving("worker")[0] as string;
      const node = culprit;
      while (count === 0) {
        const before = clock.nowMs();
        await submit();
        expect(clock.nowMs() - before).toBeLessThan(PATIENCE_MS);
      }
      culprit = "";
      const { round } = await submit();
      await net.settled(round);
      const roots = ["client-0", node].map((at) => {
        const header = net.worker(at).history.block(round)?.header;
        return toHex(header?.stateRoot ?? new Uint8Array(0));
      });
      expect(roots[0]).toBe(roots[1]);
    });
  }
});
