import type { Root } from "#mkvs/node/root.js";
import type { Tree } from "#mkvs/tree/tree.js";

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
}
