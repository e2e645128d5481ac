import { describe, expect, test } from "vitest";
import { utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { QuotePolicy } from "#common/tee/quote-policy.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import { currentEpochCell } from "#consensus/services/beacon/state.js";
import { setStatus } from "#consensus/services/keymanager/state.js";
import { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { setRuntime } from "#consensus/services/registry/state.js";
import { Runtime, VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import { BlockMetadata, METHOD_META, SignedTransaction, signTransaction } from "#consensus/transaction/transaction.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { NodeDbSyncer } from "#mkvs/sync.js";
import { Tree } from "#mkvs/tree/tree.js";
import { HostHandler } from "#runtime/host/host-handler.js";
import { DiskLocalStorage } from "#runtime/host/local-storage.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { defineRuntime, type LocalContext } from "#runtime/kit/index.js";
import { bodyOf } from "#runtime/rhp/messages/index.js";
import { CHAIN_CONTEXT, introduced } from "../support/kit.ts";
import { lightBlock } from "../support/light-block.ts";
import { RUNTIME_ID, TestNode } from "../support/node.ts";

const version = { major: 0, minor: 0, patch: 0 };
const HEIGHT = 12n;
const KEY_MANAGER = Uint8Array.from(RUNTIME_ID, (byte, i) => (i === 0 ? 0xc0 : byte));
const STATUS: KeyManagerStatus = { ...KeyManagerStatus.zero(), id: KEY_MANAGER, isInitialized: true };
const POLICY: QuotePolicy = {
  ias: undefined,
  pcs: {
    disabled: false,
    tcbValidityPeriod: 30,
    minTcbEvaluationDataNumber: 17,
    fmspcWhitelist: [],
    fmspcBlacklist: [],
    tdx: undefined,
  },
};

/** What the consensus layer of a test says. */
interface Said {
  readonly keyManager?: Uint8Array | undefined;
  readonly status?: KeyManagerStatus | undefined;
  readonly hardware?: number;
  readonly deployed?: boolean;
}

const USUAL: Required<Said> = { keyManager: KEY_MANAGER, status: STATUS, hardware: TEE_INTEL_SGX, deployed: true };

/** A runtime that notes what it is told, at a host that shows a consensus layer. */
function told(said: Said) {
  const { keyManager, status, hardware, deployed } = { ...USUAL, ...said };
  const db = new MemoryNodeDb(STATE_NAMESPACE);
  const tree = new Tree({ db });
  const tee = SgxConstraints.encode({ v: 1, enclaves: [], policy: POLICY, maxAttestationAge: 0n });
  const deployment = { ...VersionInfo.zero(), tee };
  currentEpochCell.set(tree, { epoch: 3n, height: 1n });
  setRuntime(tree, { ...Runtime.zero(), id: RUNTIME_ID, keyManager }, false);
  const deployments = deployed ? [deployment] : [];
  setRuntime(tree, { ...Runtime.zero(), id: KEY_MANAGER, teeHardware: hardware, deployments }, false);
  if (status !== undefined) setStatus(tree, status);
  const { hash } = tree.commit(STATE_NAMESPACE, HEIGHT);
  db.finalize([{ namespace: STATE_NAMESPACE, version: HEIGHT, type: STATE_ROOT, hash }]);
  const signer = MemorySigner.fromTestName("proposer");
  const body = BlockMetadata.encode({ ...BlockMetadata.zero(), stateRoot: hash });
  const signedTx = SignedTransaction.decode(
    signTransaction(signer, { nonce: 0n, fee: undefined, method: METHOD_META, body }, CHAIN_CONTEXT),
  );
  const handler = new HostHandler({
    nodeId: signer.publicKey,
    localStorage: new DiskLocalStorage(new MemoryDisk(), RUNTIME_ID),
    consensusTrees: new NodeDbSyncer(db),
    consensus: {
      lightBlock: (height) => lightBlock(height === 0n ? HEIGHT : height),
      validators: (height) => ({ height, meta: null }),
      events: () => [],
      metadataTransaction: (height) => ({ signedTx, proof: { height, rawProof: new Uint8Array(0) } }),
      genesisHeight: () => 1n,
      proveFreshness: () => Promise.reject(new TypeError("nobody asked")),
    },
  });
  const noted: unknown[] = [];
  const note = (ctx: LocalContext, what: unknown): void => void noted.push([ctx.consensusHeight, what]);
  const program = defineRuntime({
    version,
    methods: {},
    observe: { keyManagerStatus: note, keyManagerQuotePolicy: note, consensusBlock: note },
  });
  const node = new TestNode();
  const port = { openTree: node.openTree.bind(node), ask: handler.ask.bind(handler) as HostHandler["ask"] };
  return { dispatcher: introduced(program, port), noted };
}

const statusUpdate = (status: KeyManagerStatus) =>
  bodyOf("RuntimeKeyManagerStatusUpdateRequest", { status: KeyManagerStatus.encode(status) });
const policyUpdate = (policy: QuotePolicy) =>
  bodyOf("RuntimeKeyManagerQuotePolicyUpdateRequest", { policy: QuotePolicy.encode(policy) });

describe("what a runtime is told between its batches", () => {
  test("is what the consensus layer says too, and comes to whoever wants it", () => {
    const { dispatcher, noted } = told({});
    expect(dispatcher.handle(statusUpdate(STATUS)).type).toBe("RuntimeKeyManagerStatusUpdateResponse");
    expect(dispatcher.handle(policyUpdate(POLICY)).type).toBe("RuntimeKeyManagerQuotePolicyUpdateResponse");
    dispatcher.handle(bodyOf("RuntimeConsensusSyncRequest", { height: HEIGHT + 1n }));
    expect(noted).toEqual([
      [HEIGHT, STATUS],
      [HEIGHT, POLICY],
      [HEIGHT + 1n, HEIGHT + 1n],
    ]);
  });

  test("is refused when the consensus layer says something else, or nothing", () => {
    const cases: readonly (readonly [string, Said, ReturnType<typeof statusUpdate>])[] = [
      ["status mismatch", {}, statusUpdate({ ...STATUS, isSecure: true })],
      ["status hasn't been published", { status: undefined }, statusUpdate(STATUS)],
      ["runtime doesn't use key manager", { keyManager: undefined }, statusUpdate(STATUS)],
      ["missing runtime descriptor", { keyManager: new Uint8Array(32) }, policyUpdate(POLICY)],
      ["policy mismatch", {}, policyUpdate(QuotePolicy.zero())],
      ["configured runtime hardware mismatch", { hardware: 0 }, policyUpdate(POLICY)],
      ["no corresponding runtime deployment", { deployed: false }, policyUpdate(POLICY)],
      ["malformed request", {}, bodyOf("RuntimeKeyManagerStatusUpdateRequest", { status: utf8("x") })],
    ];
    for (const [reason, said, update] of cases) {
      const { dispatcher, noted } = told(said);
      expect(() => dispatcher.handle(update), reason).toThrow(reason);
      expect(noted).toEqual([]);
    }
  });
});
