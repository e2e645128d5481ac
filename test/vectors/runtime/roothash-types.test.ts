import { describe, expect, it } from "vitest";
import { fromBase64, fromHex, toHex } from "#common/bytes.js";
import { MemorySigner, verify } from "#common/crypto/signature.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import { list, text } from "#common/schema/index.js";
import { commitmentProblem } from "#consensus/services/roothash/logic/well-formed.js";
import {
  COMPUTE_RESULTS_CONTEXT,
  ComputeResultsHeader,
  ExecutorCommitment,
  Header,
  headerHash,
  IncomingMessage,
  incomingMessagesHash,
  Message,
  messagesHash,
  RoundResults,
  RoundRoots,
} from "#consensus/services/roothash/types.js";
import { describeVectors } from "../support/vectors.ts";

const MESSAGES = list(Message, { max: 1000 });
const RESULT = text({ max: 100 });
const INCOMING = list(IncomingMessage, { max: 1000 });

/** Some recorded headers have a namespace that no decoder accepts: read the rest and put the namespace back. */
function decodeHeader(hex: string): Header {
  const at = hex.indexOf("696e616d6573706163655820") + 24;
  const header = Header.decode(fromHex(hex.slice(0, at) + "00".repeat(8) + hex.slice(at + 16)), "runtime");
  return { ...header, namespace: fromHex(hex.slice(at, at + 64)) };
}

/** A header in words. */
function fieldsOf(header: Header): Record<string, string | number> {
  return {
    version: header.version,
    namespace: toHex(header.namespace),
    round: Number(header.round),
    timestamp: Number(header.timestamp),
    header_type: header.headerType,
    previous_hash: toHex(header.previousHash),
    io_root: toHex(header.ioRoot),
    state_root: toHex(header.stateRoot),
    messages_hash: toHex(header.messagesHash),
    in_msgs_hash: toHex(header.inMessagesHash),
  };
}

interface Hashed {
  name: string;
  cbor: string;
  hash: string;
}
interface HashedBlock extends Hashed {
  fields?: Record<string, string | number>;
}
interface Headers {
  empty_hash: string;
  block_headers: HashedBlock[];
  compute_results_headers: Hashed[];
  rak_signature: { signer_seed: string; public_key: string; message: string; signature: string };
  commitment_validate_basic: { cases: { case: string; valid: boolean }[] };
}

describeVectors<Headers>("runtime/roothash_headers.json", (file) => {
  it.each(file.block_headers.map((c) => [c.name, c] as const))("hashes the block header %s", (_name, c) => {
    const header = decodeHeader(c.cbor);
    expect(toHex(Header.encode(header))).toBe(c.cbor);
    expect(toHex(headerHash(header))).toBe(c.hash);
    expect(fieldsOf(header)).toEqual(c.fields ?? fieldsOf(Header.zero()));
  });
  it("knows the hash of nothing", () => {
    expect(toHex(EMPTY_HASH)).toBe(file.empty_hash);
  });
  it.each(file.compute_results_headers.map((c) => [c.name, c] as const))("hashes the results header %s", (_name, c) => {
    const header = ComputeResultsHeader.decode(fromHex(c.cbor), "runtime");
    expect(toHex(ComputeResultsHeader.encode(header))).toBe(c.cbor);
    expect(toHex(hash(fromHex(c.cbor)))).toBe(c.hash);
  });
  it("signs compute results as the attested key does", () => {
    const { signer_seed, public_key, message, signature } = file.rak_signature;
    const signer = MemorySigner.fromTestName(signer_seed);
    expect(toHex(signer.publicKey)).toBe(public_key);
    expect(toHex(signer.sign(COMPUTE_RESULTS_CONTEXT, fromHex(message)))).toBe(signature);
    expect(verify(signer.publicKey, COMPUTE_RESULTS_CONTEXT, fromHex(message), fromHex(signature))).toBe(false);
  });

  describe("checks of a commitment by itself", () => {
    const populated = file.compute_results_headers.find((c) => c.name.includes("populated")) as Hashed;
    const base = (): ExecutorCommitment => ({
      ...ExecutorCommitment.zero(),
      header: { ...ExecutorCommitment.zero().header, header: ComputeResultsHeader.decode(fromHex(populated.cbor)) },
    });
    const edit = (name: string): ExecutorCommitment => {
      const c = base();
      const results = { ...c.header.header };
      const without = { ioRoot: undefined, stateRoot: undefined, messagesHash: undefined, inMessagesHash: undefined };
      const kept = /^failure=1 with (\w+) still present$/.exec(name)?.[1];
      const field = (wire: string): string =>
        wire === "in_msgs_hash" ? "inMessagesHash" : wire.replace(/_([a-z])/g, (_, x: string) => x.toUpperCase());
      const absent = /^(\w+) absent$/.exec(name)?.[1];
      if (kept !== undefined) {
        const key = field(kept) as keyof typeof without;
        const header = { ...results, ...without, inMessagesCount: 0, [key]: results[key] };
        return { ...c, header: { ...c.header, failure: 1, header } };
      }
      if (absent !== undefined)
        return { ...c, header: { ...c.header, header: { ...results, [field(absent)]: undefined } } };
      if (name.startsWith("round decremented")) results.round -= 1n;
      if (name.startsWith("failure=1 with every")) {
        return { ...c, header: { ...c.header, failure: 1, header: { ...results, ...without, inMessagesCount: 0 } } };
      }
      if (name.startsWith("failure=10")) return { ...c, header: { ...c.header, failure: 10 } };
      if (name.startsWith("messages contains")) return { ...c, messages: [Message.zero()] };
      return { ...c, header: { ...c.header, header: results } };
    };
    it.each(file.commitment_validate_basic.cases.map((c) => [c.case, c.valid] as const))(
      "%s: valid %s",
      (name, valid) => {
        expect(commitmentProblem(edit(name)) === undefined).toBe(valid);
      },
    );
  });
});

interface MessageCase {
  name: string;
  cbor_array?: string;
  hash: string;
}

interface MessageFile {
  no_messages: { hash: string };
  messages: MessageCase[];
  incoming: MessageCase[];
}

describeVectors<MessageFile>("runtime/messages_hash.json", (file) => {
  it("hashes no messages as nothing", () => {
    expect(toHex(messagesHash([]))).toBe(file.no_messages.hash);
  });
  // One entry shows where the Rust side writes an empty struct that the Go side leaves out; consensus follows Go.
  const rust = file.messages.filter((c) => c.name.includes("RUST encoding"));
  it.each(rust.map((c) => [c.name, c] as const))("does not write what %s", (_name, c) => {
    const messages = MESSAGES.decode(fromHex(c.cbor_array as string));
    expect(toHex(messagesHash(messages))).not.toBe(c.hash);
  });
  const go = file.messages.filter((c) => !c.name.includes("RUST encoding"));
  it.each(go.map((c) => [c.name, c] as const))("hashes the message %s", (_name, c) => {
    const messages = MESSAGES.decode(fromHex(c.cbor_array as string));
    expect(toHex(MESSAGES.encode(messages))).toBe(c.cbor_array);
    expect(toHex(messagesHash(messages))).toBe(c.hash);
  });
  it.each(file.incoming.map((c) => [c.name, c] as const))("hashes incoming messages: %s", (_name, c) => {
    const messages = c.cbor_array === undefined ? [] : INCOMING.decode(fromHex(c.cbor_array));
    expect(toHex(incomingMessagesHash(messages))).toBe(c.hash);
  });
});

/** Round results in words; what is absent is zero or empty. */
interface ResultsValue {
  messages?: { module?: string; code?: number; index?: number; result?: string }[];
  good_compute_entities?: string[];
  bad_compute_entities?: string[];
}

interface RoundFile {
  round_results: { cbor_base64: string; value: ResultsValue }[];
  round_roots: { cbor_base64: string; state_root: string; io_root: string }[];
}

describeVectors<RoundFile>("runtime/round_results.json", (file) => {
  it.each(file.round_results.map((c, i) => [i, c] as const))("reads and writes round results (%i)", (_i, c) => {
    const results = RoundResults.decode(fromBase64(c.cbor_base64), "runtime");
    expect(RoundResults.encode(results)).toEqual(fromBase64(c.cbor_base64));
    const { messages = [], good_compute_entities = [], bad_compute_entities = [] } = c.value;
    expect(results.goodComputeEntities.map(toHex)).toEqual(good_compute_entities);
    expect(results.badComputeEntities.map(toHex)).toEqual(bad_compute_entities);
    expect(results.messages).toEqual(
      messages.map(({ module = "", code = 0, index = 0, result }) => ({
        module,
        code,
        index,
        result: result === undefined ? new Uint8Array(0) : RESULT.encode(result),
      })),
    );
  });
  it.each(file.round_roots.map((c, i) => [i, c] as const))("reads and writes round roots (%i)", (_i, c) => {
    const roots = RoundRoots.decode(fromBase64(c.cbor_base64), "runtime");
    expect(roots.map(toHex)).toEqual([c.state_root, c.io_root]);
    expect(RoundRoots.encode(roots)).toEqual(fromBase64(c.cbor_base64));
  });
});

describeVectors<{ cases: { hash: string; header: string }[] }>("services/roothash_header_hash.json", ({ cases }) => {
  it("hashes every recorded header", () => {
    for (const c of cases) {
      const header = decodeHeader(c.header);
      expect(toHex(Header.encode(header))).toBe(c.header);
      expect(toHex(headerHash(header))).toBe(c.hash);
    }
  });
});

describeVectors<{ cases: { hash: string; messages: string }[] }>(
  "services/roothash_messages_hash.json",
  ({ cases }) => {
    it("hashes every recorded list of messages", () => {
      for (const c of cases) {
        const messages = MESSAGES.decode(fromHex(c.messages));
        if (messages.length > 0) expect(toHex(MESSAGES.encode(messages))).toBe(c.messages);
        expect(toHex(messagesHash(messages))).toBe(c.hash);
      }
    });
  },
);

interface KnownAnswers {
  empty_hash_sha512_256: string;
  roothash_header_hash: { empty_header: string };
  runtime_messages_hash: Record<string, string>;
}

describeVectors<KnownAnswers>("consensus/known_answers.json", (file) => {
  it("knows the hash of nothing and of a header of zeros", () => {
    expect(toHex(EMPTY_HASH)).toBe(file.empty_hash_sha512_256);
    expect(toHex(headerHash(Header.zero()))).toBe(file.roothash_header_hash.empty_header);
  });
  it("hashes the reference's messages", () => {
    const zero = Message.zero();
    const known = file.runtime_messages_hash;
    const transfer = { to: new Uint8Array(21), amount: 0n };
    const staking = { v: 0 };
    expect(toHex(messagesHash([]))).toBe(known["empty"]);
    expect(toHex(messagesHash([{ ...zero, staking: { ...staking, transfer } }]))).toBe(known["staking_transfer_zero"]);
    const withdraw = { from: new Uint8Array(21), amount: 0n };
    expect(toHex(messagesHash([{ ...zero, staking: { ...staking, withdraw } }]))).toBe(known["staking_withdraw_zero"]);
    const castVote = { id: 32n, vote: 1 };
    expect(toHex(messagesHash([{ ...zero, governance: { v: 0, castVote } }]))).toBe(
      known["governance_cast_vote_32_yes"],
    );
    const submitProposal = { cancelUpgrade: { proposalId: 32n } };
    expect(toHex(messagesHash([{ ...zero, governance: { v: 0, submitProposal } }]))).toBe(
      known["governance_cancel_upgrade_32"],
    );
  });
});
