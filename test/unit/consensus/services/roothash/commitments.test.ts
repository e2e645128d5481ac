import { describe, expect, it } from "vitest";
import { STRICT_POLICY } from "#common/crypto/signature.js";
import { Node } from "#consensus/services/registry/types/node.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import { verifyCommitment } from "#consensus/services/roothash/logic/commitment.js";
import { addCommitment, newPool, processPool } from "#consensus/services/roothash/logic/pool.js";
import {
  COMPUTE_RESULTS_CONTEXT,
  ComputeResultsHeader,
  type ExecutorCommitment,
  genesisBlock,
  RuntimeState,
} from "#consensus/services/roothash/types.js";
import {
  answer,
  CHAIN_CONTEXT,
  commitment,
  commitmentHeader,
  committee,
  namespace,
  runtime,
  sign,
  signer,
} from "./support.ts";

const [a, b, c, d, enclave] = [signer("a"), signer("b"), signer("c"), signer("d"), signer("enclave")] as const;
const ID = namespace("runtime");
const value: RuntimeState = { ...RuntimeState.zero(), runtime: runtime(), lastBlock: genesisBlock(ID, 1000n) };
const lastHeader = genesisBlock(ID, 1000n).header;

function verdict(c: ExecutorCommitment, changes: { runtime?: Runtime; node?: Node } = {}): string {
  const rules = { runtime: changes.runtime ?? runtime(), lastHeader, epoch: 6n, chainContext: CHAIN_CONTEXT };
  return answer(() => verifyCommitment(c, { ...rules, policy: STRICT_POLICY, node: () => changes.node }));
}

describe("a commitment", () => {
  const vote = { staking: { v: 0, transfer: { to: new Uint8Array(21), amount: 1n } } };

  it("is accepted from the scheduler with its messages and from others without", () => {
    expect(verdict(commitment(value, a, a, { messages: [vote] }))).toBe("ok");
    expect(verdict(commitment(value, b, a, { messages: [vote] }))).toBe("ok");
    expect(verdict({ ...commitment(value, b, a, { messages: [vote] }), messages: [vote] })).toBe(
      "roothash/commitment/13",
    );
  });

  it("counts only under the signature of its node for this runtime and chain", () => {
    const signed = commitment(value, a, a);
    expect(verdict({ ...signed, nodeId: b.publicKey })).toBe("unknown/1");
    expect(verdict(sign(a, signed.header, namespace("other")))).toBe("unknown/1");
  });

  it("continues the last block", () => {
    const header = commitmentHeader(value, a.publicKey);
    const late = { ...header, header: { ...header.header, round: 2n } };
    expect(verdict(sign(a, late))).toBe("roothash/commitment/7");
    const astray = { ...header, header: { ...header.header, previousHash: new Uint8Array(32) } };
    expect(verdict(sign(a, astray))).toBe("roothash/commitment/7");
  });

  it("may report a failure, but not of a proposal of its own", () => {
    expect(verdict(commitment(value, b, a, { failure: 1 }))).toBe("ok");
    expect(verdict(commitment(value, a, a, { failure: 1 }))).toBe("roothash/commitment/11");
    expect(verdict(commitment(value, b, a, { failure: 3 }))).toBe("roothash/commitment/11");
  });

  it("has as many messages as the runtime may send, and those that it names", () => {
    const messages = [vote, vote, vote, vote, vote];
    expect(verdict(commitment(value, a, a, { messages }))).toBe("roothash/commitment/13");
    expect(verdict({ ...commitment(value, a, a), messages: [vote] })).toBe("roothash/commitment/13");
  });
});

describe("a commitment of a runtime in enclaves", () => {
  const version = { major: 1, minor: 0, patch: 0 };
  const deployment = { version, validFrom: 3n, tee: null, bundleChecksum: new Uint8Array(0) };
  const enclaved = runtime({ teeHardware: TEE_INTEL_SGX, deployments: [deployment] });
  const tee = { hardware: TEE_INTEL_SGX, rak: enclave.publicKey, attestation: null };
  const entry = { id: ID, version, capabilities: { tee }, extraInfo: null };
  const node: Node = { ...Node.zero(), runtimes: [entry] };
  const header = commitmentHeader(value, b.publicKey);
  const rakSignature = enclave.sign(COMPUTE_RESULTS_CONTEXT, ComputeResultsHeader.encode(header.header));
  const signed = sign(a, { ...header, rakSignature });

  it("needs the signature of the key that the node has attested", () => {
    expect(verdict(signed, { runtime: enclaved, node })).toBe("ok");
    expect(verdict(sign(a, header), { runtime: enclaved, node })).toBe("roothash/commitment/4");
    const forged = sign(a, { ...header, rakSignature: new Uint8Array(64) });
    expect(verdict(forged, { runtime: enclaved, node })).toBe("roothash/commitment/4");
  });

  it("needs a registered node that serves the active deployment from an enclave", () => {
    expect(verdict(signed, { runtime: enclaved })).toBe("roothash/commitment/5");
    expect(verdict(signed, { runtime: enclaved, node: { ...node, runtimes: [] } })).toBe("roothash/commitment/5");
    const bare = { ...node, runtimes: [{ ...entry, capabilities: {} }] };
    expect(verdict(signed, { runtime: enclaved, node: bare })).toBe("roothash/commitment/4");
    expect(verdict(signed, { runtime: { ...enclaved, deployments: [] }, node })).toBe("roothash/commitment/1");
  });
});

describe("a pool", () => {
  const seats = committee([a, b, c], [d]);

  it("takes the proposal of the best scheduler and forgets worse ones", () => {
    // Round 1 with three workers: ranks 1, 2, 0.
    const pool = newPool();
    addCommitment(pool, seats, commitment(value, b, b));
    expect(pool.highestRank).toBe(2n);
    addCommitment(pool, seats, commitment(value, a, c));
    expect(pool.highestRank).toBe(2n);
    addCommitment(pool, seats, commitment(value, c, c));
    expect(pool.highestRank).toBe(0n);
    expect(Array.from(pool.schedulerCommitments.keys())).toEqual([0n]);
    expect(answer(() => addCommitment(pool, seats, commitment(value, a, b)))).toBe("roothash/commitment/11");
    expect(answer(() => addCommitment(pool, seats, commitment(value, a, c)))).toBe("roothash/commitment/6");
    expect(answer(() => addCommitment(pool, seats, commitment(value, signer("x"), c)))).toBe("roothash/commitment/5");
    expect(processPool(pool, seats, 1, false).kind).toBe("decided");
    expect(processPool(pool, seats, 0, false).kind).toBe("waiting");
  });

  it("lets nobody dispute the proposal of a backup scheduler before the time is up", () => {
    const pool = newPool();
    addCommitment(pool, seats, commitment(value, b, b));
    addCommitment(pool, seats, commitment(value, a, b, { failure: 1 }));
    expect(processPool(pool, seats, 0, false).kind).toBe("waiting");
    expect(processPool(pool, seats, 0, true).kind).toBe("discrepancy");
    expect(pool.discrepancy).toBe(true);
    expect(answer(() => addCommitment(pool, seats, commitment(value, c, b)))).toBe("roothash/commitment/11");
    const wrong = { stateRoot: new Uint8Array(32) };
    addCommitment(pool, seats, commitment(value, d, b, wrong));
    expect(processPool(pool, seats, 0, false)).toEqual({ kind: "failed", reason: "bad scheduler" });
  });
});
