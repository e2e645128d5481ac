import { challengedLeaf } from "#consensus/services/roothash/logic/challenge.js";
import type { OpenChallenge } from "#consensus/services/roothash/types/challenges.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { Root } from "#mkvs/node/root.js";
import { type Proof, PROOF_V1 } from "#mkvs/proof/proof.js";
import { NodeDbSyncer } from "#mkvs/sync.js";

/** The tree that a challenge is about. */
function challengedRoot({ id, round, rootType, root }: OpenChallenge): Root {
  return { namespace: id, version: round, type: rootType, hash: root };
}

/**
 * Proves that the tree of a challenge is here: from its root to the leaf that the key leads to.
 *
 * @returns undefined while the key has not been drawn
 * @throws the errors of `NodeDb.loadRoot` when the tree or a part of it is not here
 */
export function proveChallenge(db: NodeDb, challenge: OpenChallenge): Proof | undefined {
  if (challenge.key === undefined) return undefined;
  const root = challengedRoot(challenge);
  const reader = db.openReader(root);
  const leaf = challengedLeaf(reader, reader.root(), challenge.key);
  if (leaf === undefined) return undefined;
  const tree = { root, position: root.hash };
  const request = { tree, key: reader.key(leaf), includeSiblings: false, proofVersion: PROOF_V1 };
  return new NodeDbSyncer(db).syncGet(request).proof;
}
