import { compareBytes, utf8 } from "#common/bytes.js";
import type { MemorySigner } from "#common/crypto/signature.js";
import { EMPTY_HASH } from "#common/hash.js";
import { MemoryDisk } from "#common/memory-disk.js";
import { ROLE_COMPUTE } from "#common/node-roles.js";
import { RegistryParameters, registryParameters } from "#consensus/services/registry/params.js";
import { setNode, setNodeStatus } from "#consensus/services/registry/state.js";
import { Node } from "#consensus/services/registry/types/node.js";
import type { StorageCommitteeParameters } from "#consensus/services/registry/types/runtime.js";
import { NodeStatus } from "#consensus/services/registry/types/status.js";
import { committees } from "#consensus/services/scheduler/state.js";
import { COMMITTEE_STORAGE } from "#consensus/services/scheduler/types.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { type Root, ROOT_IO, ROOT_STATE } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import type { WriteLog } from "#mkvs/write-log.js";
import type { P2pHost } from "#p2p/host.js";
import { IoTree } from "#runtime/transaction/io-tree.js";
import { ReceiptIssuer } from "#worker/storage/receipts/issuer.js";
import type { RoundTrees } from "#worker/storage/round-trees.js";
import {
  Chain,
  CHAIN_CONTEXT,
  committee,
  namespace,
  runtime,
  signer,
} from "../../consensus/services/roothash/support.ts";
import { silentLog } from "./local-network.ts";

export { CHAIN_CONTEXT };
export const ID = namespace("runtime");
export const [executorA, executorB, stranger] = [signer("a"), signer("b"), signer("stranger")] as const;
/** Storage nodes in the order of their keys. */
export const storageKeys = ["s1", "s2", "s3"].map(signer).sort((x, y) => compareBytes(x.publicKey, y.publicKey));

const LIMITS: StorageCommitteeParameters = {
  validFrom: 0n,
  groupSize: 3,
  minWriteReplication: 2,
  maxApplyOps: 2n,
  maxApplyWriteLogEntries: 12n,
};

/** Registers a node that is found in the peer-to-peer network under its identity key. */
function addNode(chain: Chain, { publicKey }: MemorySigner): void {
  const zero = Node.zero();
  const node = {
    ...zero,
    v: 3,
    id: publicKey,
    entityId: publicKey,
    roles: ROLE_COMPUTE,
    p2p: { ...zero.p2p, id: publicKey },
  };
  setNode(chain.state, undefined, node, { untrustedRawValue: Node.encode(node), signatures: null });
  setNodeStatus(chain.state, publicKey, NodeStatus.zero());
}

/** A chain on which a runtime has two executors and, if it has them, three storage nodes. */
export function chainWithStorage(hasStorage = true): Chain {
  const chain = new Chain();
  registryParameters.set(chain.state, { ...RegistryParameters.zero(), enableStorageCommittees: true });
  for (const key of [executorA, executorB, ...storageKeys]) addNode(chain, key);
  const { genesis, ...plain } = runtime();
  const txnScheduler = { ...plain.txnScheduler, maxBatchSize: 10n, maxBatchSizeBytes: 1000n };
  const storage = { ...plain.storage, committee: hasStorage ? LIMITS : undefined };
  if (hasStorage) {
    const elected = { ...committee(storageKeys), kind: COMMITTEE_STORAGE, validFor: 6n };
    committees.set(chain.state, [COMMITTEE_STORAGE, ID], elected);
  }
  chain.start(
    { ...plain, genesis: { ...genesis, stateRoot: EMPTY_HASH }, txnScheduler, storage },
    committee([executorB, executorA]),
  );
  return chain;
}

export interface StorageNode {
  readonly db: DiskNodeDb;
  readonly disk: MemoryDisk;
  readonly stop: () => void;
}

/** A storage node that has the last block of the chain. */
export function storageNode(chain: Chain, signer: MemorySigner, p2p: P2pHost): StorageNode {
  const disk = new MemoryDisk();
  const db = new DiskNodeDb({ disk, name: "runtime", namespace: ID });
  db.finalize([{ namespace: ID, version: 1n, type: ROOT_STATE, hash: EMPTY_HASH }]);
  const state = () => chain.state;
  const common = { runtimeId: ID, chainContext: CHAIN_CONTEXT, state, p2p, disk, db, signer };
  return { db, disk, stop: new ReceiptIssuer({ ...common, log: silentLog }).serve() };
}

/** Results of round 2: one transaction and what it changed. */
export function results(value = "value", extra: WriteLog = []): RoundTrees {
  const io = new IoTree();
  io.addInput(utf8(value), 0);
  const { root: ioHash, writeLog: inputs } = io.commit();
  const changes: WriteLog = [[utf8("key"), utf8(value)], ...extra];
  const state = new Tree({ type: ROOT_STATE });
  state.applyWriteLog(changes);
  const root = (type: number, version: bigint, hash: Uint8Array): Root => ({ namespace: ID, version, type, hash });
  return {
    io: { base: root(ROOT_IO, 2n, EMPTY_HASH), writeLog: inputs, root: root(ROOT_IO, 2n, ioHash) },
    state: {
      base: root(ROOT_STATE, 1n, EMPTY_HASH),
      writeLog: changes,
      root: root(ROOT_STATE, 2n, state.rootHash()),
    },
  };
}
