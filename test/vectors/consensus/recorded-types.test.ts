import { describe, expect, it } from "vitest";
import { equalBytes, fromBase64, fromHex, toHex, utf8 } from "#common/bytes.js";
import { type Json, parseJson, printJson } from "#common/json.js";
import { Namespace } from "#common/namespace.js";
import { PublicKey } from "#common/crypto/keys.js";
import { list, map, nullable, omitEmpty, type Schema, struct } from "#common/schema/index.js";
import { Block } from "#consensus/block/block.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Entity } from "#consensus/services/registry/types/entity.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { NodeStatus } from "#consensus/services/registry/types/status.js";
import { MultiSignedNode, SignedEntity } from "#consensus/services/registry/types/signed.js";
import {
  ExecutionDiscrepancyDetectedEvent,
  ExecutorCommitment,
  ExecutorCommittedEvent,
  FinalizedEvent,
  Header,
  headerHash,
  InMessageProcessedEvent,
  RoundResults,
} from "#consensus/services/roothash/types.js";
import { SignedTransaction, Transaction } from "#consensus/transaction/transaction.js";
import { describeVectors, hasVectors, listVectors, vectorLines, vectorText } from "../support/vectors.ts";

const MANY = { max: 1 << 20 };

class ExecutorCommit extends struct("ExecutorCommit", {
  id: Namespace,
  commits: nullable(list(ExecutorCommitment, MANY)),
}) {}

const BODIES: Record<string, Schema<unknown>> = {
  "registry.RegisterEntity": SignedEntity,
  "registry.RegisterNode": MultiSignedNode,
  "registry.RegisterRuntime": Runtime,
  "roothash.ExecutorCommit": ExecutorCommit,
};

const EVENTS: Record<string, Schema<unknown>> = {
  executor_commit: ExecutorCommittedEvent,
  execution_discrepancy: ExecutionDiscrepancyDetectedEvent,
  finalized: FinalizedEvent,
  in_msg_processed: InMessageProcessedEvent,
};

interface AbciEvent {
  type: string;
  attributes: { key: string; value: string }[];
}
interface Height {
  height: number;
  block: string;
  tx_results: { code: number; events: AbciEvent[] }[];
  begin_block_events: AbciEvent[];
  end_block_events: AbciEvent[];
}

interface Seen {
  bodies: number;
  same: number;
  events: number;
}

/** Reads what a transaction that succeeded carries; what was not written canonically comes back as another encoding. */
function readBody(rawTransaction: Uint8Array, seen: Seen): void {
  const { untrustedRawValue } = SignedTransaction.decode(rawTransaction);
  const { method, body } = Transaction.decode(untrustedRawValue);
  const schema = BODIES[method];
  if (schema === undefined) return;
  const value = schema.decode(body);
  const again = schema.encode(value);
  seen.bodies++;
  if (equalBytes(again, body)) seen.same++;
  expect(toHex(schema.encode(schema.decode(again)))).toBe(toHex(again));
  if (method === "registry.RegisterNode") {
    const blob = MultiSignedNode.decode(body).untrustedRawValue;
    const node = Node.decode(blob);
    expect(toHex(Node.encode(Node.decode(Node.encode(node))))).toBe(toHex(Node.encode(node)));
  }
  if (method === "registry.RegisterEntity") Entity.decode(SignedEntity.decode(body).untrustedRawValue);
}

function readEvents(events: readonly AbciEvent[], seen: Seen): void {
  for (const { type, attributes } of events) {
    if (!type.includes("roothash")) continue;
    for (const { key, value } of attributes) {
      const schema = EVENTS[key];
      if (schema === undefined) continue;
      const bytes = fromBase64(value);
      expect(toHex(schema.encode(schema.decode(bytes)))).toBe(toHex(bytes));
      seen.events++;
    }
  }
}

const CHAINS = [...new Set(listVectors("chains").map((file) => file.split("/")[1] as string))].filter(
  (name) => !name.includes("."),
);

describe.skipIf(!hasVectors)("recorded chains", () => {
  it.each(CHAINS)("%s: descriptors, commitments and events are read and written again", (name) => {
    const seen: Seen = { bodies: 0, same: 0, events: 0 };
    for (const height of vectorLines<Height>(`chains/${name}/blocks.jsonl.gz`)) {
      const { data } = Block.decode(fromHex(height.block));
      height.tx_results.forEach((result, i) => {
        if (result.code === 0) readBody(data.txs[i] as Uint8Array, seen);
        readEvents(result.events, seen);
      });
      readEvents(height.begin_block_events, seen);
      readEvents(height.end_block_events, seen);
    }
    expect(seen.bodies).toBeGreaterThan(0);
    // Only the chains of all methods carry odd encodings on purpose.
    if (!name.startsWith("all-methods")) expect(seen.same).toBe(seen.bodies);
    else expect(seen.same * 10).toBeGreaterThan(seen.bodies * 8);
  });

  class RegistryGenesis extends struct("RegistryGenesis", {
    entities: omitEmpty(list(SignedEntity, MANY)),
    runtimes: omitEmpty(list(Runtime, MANY)),
    suspendedRuntimes: omitEmpty(list(Runtime, MANY)),
    nodes: omitEmpty(list(MultiSignedNode, MANY)),
    nodeStatuses: omitEmpty(map(PublicKey, NodeStatus, MANY)),
  }) {}

  it.each(CHAINS)("%s: the registry of its genesis documents is printed as it was", (name) => {
    for (const file of ["genesis.json", "final_genesis.json"]) {
      if (!listVectors(`chains/${name}`).includes(`chains/${name}/${file}`)) continue;
      const document = parseJson(vectorText(`chains/${name}/${file}`)) as { registry: Record<string, Json> };
      const { params: _params, ...members } = document.registry;
      const registry = RegistryGenesis.fromJson(members);
      expect(printJson(RegistryGenesis.toJson(registry), 2)).toBe(printJson(members, 2));
      expect(RegistryGenesis.encode(RegistryGenesis.decode(RegistryGenesis.encode(registry)))).toEqual(
        RegistryGenesis.encode(registry),
      );
    }
  });
});

describeVectors<string[]>("consensus/txs_25300000.json", (transactions) => {
  it("reads and writes every descriptor and commitment of a Mainnet block byte for byte", () => {
    const seen: Seen = { bodies: 0, same: 0, events: 0 };
    for (const transaction of transactions) readBody(fromBase64(transaction), seen);
    expect(seen.bodies).toBeGreaterThan(20);
    expect(seen.same).toBe(seen.bodies);
  });
});

interface Round {
  header_cbor: string;
  header_hash: string;
  header: Record<string, string | number>;
  round_results_cbor: string;
}

describeVectors<{ rounds: Round[] }>("rhp/runtime_rounds.json", ({ rounds }) => {
  it("reads, writes and hashes every recorded header, and reads every round's results", () => {
    for (const round of rounds) {
      const header = Header.decode(fromHex(round.header_cbor));
      expect(toHex(Header.encode(header))).toBe(round.header_cbor);
      expect(toHex(headerHash(header))).toBe(round.header_hash);
      expect(toHex(header.stateRoot)).toBe(round.header["state_root"]);
      expect(Number(header.timestamp)).toBe(round.header["timestamp"]);
      const results = RoundResults.decode(fromHex(round.round_results_cbor));
      expect(toHex(RoundResults.encode(results))).toBe(round.round_results_cbor);
    }
    expect(rounds.length).toBeGreaterThan(10);
  });
});

interface GenesisFile {
  json_doc: Json;
  cbor_hex: string;
  chain_context: string;
}

describeVectors<GenesisFile>("consensus/genesis_test_doc.json", () => {
  const text = vectorText("consensus/genesis_test_doc.json");
  it("is JSON that parses and prints without loss", () => {
    const parsed = parseJson(text);
    expect(parseJson(printJson(parsed, 2))).toEqual(parsed);
    expect(utf8(printJson(parsed)).length).toBeGreaterThan(1000);
  });
});
