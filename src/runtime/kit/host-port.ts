import { Fault } from "#common/errors/index.js";
import type { Entropy } from "#common/ports/entropy.js";
import type { Root } from "#mkvs/node/root.js";
import type { ProofResponse } from "#mkvs/proof/proof.js";
import type { ReadSyncer } from "#mkvs/sync.js";
import type { Tree } from "#mkvs/tree/tree.js";
import type { AnswerOf, BodyValue, HostRequestKind, HostStorageSyncRequest } from "../rhp/messages/index.js";

/**
 * Asks the host and has the answer at once.
 *
 * @throws CodedError when the answer is an error
 */
export type HostAsk = <K extends HostRequestKind>(kind: K, value: BodyValue<K>) => AnswerOf<K>;

/**
 * What a runtime reads of its host without waiting. The host provides it beside the message stream, because the code of
 * a runtime is synchronous: a batch must not see time pass.
 */
export interface HostPort {
  /**
   * Opens a committed tree for reading; what is written to it stays in memory.
   *
   * @throws CodedError when the host does not have the root
   */
  openTree(root: Root): Tree;
  /** Told when a batch has been executed, with the tree that it led to. */
  executed?(tree: Tree): void;
  /** Asks for whatever else the host has; absent where there is nobody to ask. */
  readonly ask?: HostAsk;
  /**
   * Numbers that the host cannot foresee: with them a runtime with a trust root has its host prove that it shows the
   * present. Absent beside the node, where the host could change the runtime itself.
   */
  readonly entropy?: Entropy | undefined;
}

/** Trees that the host keeps, read with proofs. */
export class HostSyncer implements ReadSyncer {
  /** @param endpoint whose trees, one of STORAGE_ENDPOINT */
  constructor(
    private readonly ask: HostAsk,
    private readonly endpoint: number,
  ) {}

  syncGet(syncGet: HostStorageSyncRequest["syncGet"]): ProofResponse {
    return this.proofFor({ endpoint: this.endpoint, syncGet });
  }

  syncGetPrefixes(syncGetPrefixes: HostStorageSyncRequest["syncGetPrefixes"]): ProofResponse {
    return this.proofFor({ endpoint: this.endpoint, syncGetPrefixes });
  }

  syncIterate(syncIterate: HostStorageSyncRequest["syncIterate"]): ProofResponse {
    return this.proofFor({ endpoint: this.endpoint, syncIterate });
  }

  private proofFor(request: HostStorageSyncRequest): ProofResponse {
    const { proofResponse } = this.ask("HostStorageSyncRequest", request);
    if (proofResponse === undefined) throw new Fault("the host answered a storage request without a proof");
    return proofResponse;
  }
}
