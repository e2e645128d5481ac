/** Identities of nodes as the reference's nodes and its network runner leave them in folders (common: signers). */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Signer } from "#common/crypto/signature.js";
import { InvalidInput } from "#common/errors/index.js";
import { readSigner, type SignerRole } from "./signer-file.js";
import { readTlsSigner } from "./tls-identity.js";

/** Folders within folders that are looked through. */
const MAX_DEPTH = 4;
/** A folder with this file is a node's. */
const IDENTITY = "identity.pem";

/** Keys of one node. */
export interface NodeKeys {
  readonly folder: string;
  readonly node: Signer;
  readonly p2p: Signer;
  readonly consensus: Signer;
  readonly vrf: Signer;
  /** Undefined where the node makes it anew. */
  readonly tls: Signer | undefined;
}

/**
 * Keys of all nodes in a folder and the folders below it. Nothing is written there.
 *
 * @throws InvalidInput naming the option when there is no such folder or no node in it
 * @throws KeyFileError when a node lacks a key, or one is damaged or readable by others
 */
export function findNodeKeys(option: string, folder: string): NodeKeys[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new InvalidInput(option, `${folder} is not a folder`);
  }
  const found = nodeFolders(folder, MAX_DEPTH).map(keysIn);
  if (found.length === 0) throw new InvalidInput(option, `${folder} holds no keys of a node (${IDENTITY} and others)`);
  return found;
}

function nodeFolders(folder: string, depth: number): string[] {
  if (existsSync(join(folder, IDENTITY))) return [folder];
  if (depth === 0) return [];
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return below
    .map(({ name }) => join(folder, name))
    .sort()
    .flatMap((inner) => nodeFolders(inner, depth - 1));
}

function keysIn(folder: string): NodeKeys {
  const read = (role: SignerRole): Signer => readSigner(folder, role);
  const [node, p2p, consensus, vrf] = [read("node"), read("p2p"), read("consensus"), read("vrf")];
  return { folder, node, p2p, consensus, vrf, tls: readTlsSigner(folder) };
}
