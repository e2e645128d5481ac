/** What node databases whose trees are made of node objects have in common. */
import type { Root } from "../node/root.js";
import { type NodeReader, NodeTreeReader } from "../tree/node-reader.js";
import { NodeTree } from "../tree/node-tree.js";
import { newLog, NodeWorkingTree, type WorkingTree } from "../tree/working.js";
import type { Multipart, TreeMultipart } from "./multipart.js";
import { type RootRecord, VersionedNodeDb } from "./versioned.js";

export abstract class NodeTreeDb<R extends RootRecord> extends VersionedNodeDb<R> {
  protected storeRestored(root: Root, multipart: Multipart): void {
    this.store((multipart as TreeMultipart).commitOf(root));
  }

  openReader(root: Root): NodeReader<unknown> {
    const tree = new NodeTree(this, this.loadRoot(root));
    return new NodeTreeReader(tree, new Uint8Array(0), true) as NodeReader<unknown>;
  }

  openTree(root: Root | undefined, logged: boolean): WorkingTree {
    const nodes = new NodeTree(this, root === undefined ? undefined : this.loadRoot(root));
    return new NodeWorkingTree(nodes, newLog(logged), this);
  }
}
