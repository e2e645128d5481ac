import { equalBytes, toHex } from "#common/bytes.js";
import { DecodeError, unknown } from "#common/errors/index.js";
import type { Signer } from "#common/crypto/signature.js";
import { consensusAddress } from "../block/block-id.js";
import { merkleRoot } from "../block/merkle.js";
import {
  BLOCK_METADATA_MAX_SIZE,
  BlockMetadata,
  METHOD_META,
  signTransaction,
  type Transaction,
} from "../transaction/transaction.js";
import type { BlockScope, Context } from "./context.js";

/** The block is not one that an honest proposer makes: it is rejected, or the node halts if it was decided anyway. */
export class InvalidBlock extends Error {
  constructor(reason: string) {
    super(`invalid block: ${reason}`);
    this.name = "InvalidBlock";
  }
}

/** Takes a system transaction of a decided block; everywhere else system methods are refused (consensus: Meta). */
export function processSystemTransaction(ctx: Context, tx: Transaction): void {
  if (ctx.mode !== "deliverTx") throw unknown("system methods are not allowed to be called");
  if (ctx.block.proposing) throw new InvalidBlock("system transaction among the proposer's candidates");
  if (tx.nonce !== 0n || tx.fee !== undefined) throw new InvalidBlock("system transaction with nonce or fee");
  if (!equalBytes(consensusAddress(ctx.signer), ctx.block.proposerAddress)) {
    throw new InvalidBlock("system transaction not signed by the proposer");
  }
  ctx.block.systemTransactions.push(tx);
}

/** Root of the provable events of a block. */
export function eventsRoot(block: BlockScope): Uint8Array {
  return merkleRoot(block.provable);
}

/**
 * Checks that a block carries exactly one metadata transaction with the right roots.
 * @throws InvalidBlock
 */
export function validateSystemTransactions(block: BlockScope, stateRoot: Uint8Array): void {
  const [meta, ...more] = block.systemTransactions;
  if (meta === undefined) throw new InvalidBlock("block metadata is missing");
  if (more.length > 0) throw new InvalidBlock("more than one system transaction");
  const body = decodeMetadata(meta.body);
  if (!equalBytes(body.stateRoot, stateRoot)) {
    throw new InvalidBlock(`state root ${toHex(stateRoot)} differs from the proposer's ${toHex(body.stateRoot)}`);
  }
  const events = eventsRoot(block);
  if (!equalBytes(body.eventsRoot, events)) {
    throw new InvalidBlock(`events root ${toHex(events)} differs from the proposer's ${toHex(body.eventsRoot)}`);
  }
}

function decodeMetadata(body: Uint8Array): BlockMetadata {
  try {
    return BlockMetadata.decode(body);
  } catch (error) {
    if (error instanceof DecodeError) throw new InvalidBlock(`block metadata is malformed: ${error.message}`);
    throw error;
  }
}

/** The proposer's closing transaction of a block. */
export function metadataTransaction(
  signer: Signer,
  chainContext: string,
  stateRoot: Uint8Array,
  block: BlockScope,
): Uint8Array {
  const body = BlockMetadata.encode({ stateRoot, eventsRoot: eventsRoot(block) });
  const raw = signTransaction(signer, { nonce: 0n, fee: undefined, method: METHOD_META, body }, chainContext);
  if (raw.length > BLOCK_METADATA_MAX_SIZE) throw new InvalidBlock("block metadata transaction is oversized");
  return raw;
}
