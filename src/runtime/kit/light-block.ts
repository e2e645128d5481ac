/** Light blocks as requests carry them (runtime host protocol: consensus trust). */
import { equalBytes } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { checkCommit } from "#consensus/block/commit.js";
import { checkHeader, type Header } from "#consensus/block/header.js";
import { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import { checkValidatorSet } from "#consensus/block/validator.js";
import { VerificationError } from "#consensus/block/verification-error.js";
import type { LightBlock } from "../rhp/messages/index.js";
import { verifierErrors } from "./errors.js";

/** Blocks that stay decoded: checks, queries and the batch of a round mostly carry one of two. */
const MAX_KEPT = 4;
const HASH_BYTES = 32;
/** Worded as by runtimes in Rust, where hosts may look for it. */
const NO_VALIDATORS = "StringTracer: error converting message type into domain type: missing validator set";

/** Runs a check of a block. @throws CodedError verifier/2 for whatever the check refuses */
export function believed<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof VerificationError || error instanceof DecodeError) {
      throw verifierErrors.verificationFailed(error.message);
    }
    throw error;
  }
}

function decodeBlock({ height, meta }: LightBlock): EngineLightBlock {
  const block = EngineLightBlock.decode(meta ?? new Uint8Array(0));
  if (block.validatorSet === undefined) throw verifierErrors.verificationFailed(NO_VALIDATORS);
  checkValidatorSet(block.validatorSet);
  if (block.signedHeader === undefined) return block;
  const { header, commit } = block.signedHeader;
  if (header === undefined || commit === undefined) throw verifierErrors.verificationFailed("missing signed header");
  checkHeader(header);
  checkCommit(commit);
  if (header.height !== height) throw verifierErrors.verificationFailed("height of another block");
  if (header.appHash.length !== HASH_BYTES) throw verifierErrors.verificationFailed("invalid app hash");
  return block;
}

interface DecodedBlock {
  readonly given: LightBlock;
  readonly block: EngineLightBlock;
}

function sameBlock(a: LightBlock, b: LightBlock): boolean {
  return a.height === b.height && a.meta !== null && b.meta !== null && equalBytes(a.meta, b.meta);
}

/** Decodes light blocks and checks that they are well formed; the last few stay, for many requests carry the same. */
export class LightBlockReader {
  /** Newest first. */
  private kept: readonly DecodedBlock[] = [];

  /**
   * @returns the block; without a signed header where its height is still to come
   * @throws CodedError verifier/2 when it is not well formed
   */
  read(given: LightBlock): EngineLightBlock {
    const known = this.kept.find(({ given: other }) => sameBlock(other, given));
    if (known !== undefined) return known.block;
    const block = believed(() => decodeBlock(given));
    this.kept = [{ given, block }, ...this.kept.slice(0, MAX_KEPT - 1)];
    return block;
  }

  /** The header of a block that has one. @throws CodedError verifier/2 */
  readHeader(given: LightBlock): Header {
    const header = this.read(given).signedHeader?.header;
    if (header === undefined) throw verifierErrors.verificationFailed("missing signed header");
    return header;
  }
}
