/** What a runtime believes of the consensus layer (runtime host protocol: consensus trust). */
import { sha256 } from "#kernels";
import { equalBytes, fromHex, toHex, utf8 } from "#common/bytes.js";
import { verify } from "#common/crypto/signature.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import { struct, text, u64 } from "#common/schema/index.js";
import { headerHash as consensusHash } from "#consensus/block/header.js";
import {
  checkLightBlock,
  type CompleteLightBlock,
  LightBlock as EngineLightBlock,
} from "#consensus/block/light-block.js";
import { verifyMerkleProof } from "#consensus/block/merkle.js";
import { VerificationError } from "#consensus/block/verification-error.js";
import { type TrustOptions, verifyCheckedBlock } from "#consensus/light/verify.js";
import { EncodedProof } from "#consensus/rpc.js";
import type { Header } from "#consensus/services/roothash/types.js";
import {
  BlockMetadata,
  METHOD_META,
  SignedTransaction,
  Transaction,
  TRANSACTION_CONTEXT,
} from "#consensus/transaction/transaction.js";
import type { LightBlock } from "../rhp/messages/index.js";
import { type ConsensusState, ConsensusTrees } from "./consensus-state.js";
import { dispatcherError, verifierErrors } from "./errors.js";
import type { HostAsk } from "./host-port.js";

/** A block of the chain that the author of a runtime believes in; everything later is verified from there. */
export interface TrustRoot {
  readonly height: bigint;
  /** Hash of the block's header, 64 hexadecimal digits. */
  readonly hash: string;
  /** Hexadecimal hash of the genesis document. */
  readonly chainContext: string;
}

/** What a batch says about the chain that it is based on. */
export interface Claim {
  readonly block: LightBlock;
  readonly header: Header;
  readonly epoch: bigint;
}

/** A runtime block that the consensus layer confirms. */
interface Verified {
  readonly height: bigint;
  readonly round: bigint;
  readonly epoch: bigint;
  readonly stateRoot: Uint8Array;
}

/** How far a header may be built upon, in nanoseconds: ten years; there is no clock here that could measure drift. */
const TRUST: TrustOptions = {
  trustingPeriod: 10n * 365n * 86_400n * 1_000_000_000n,
  maxClockDrift: 60n * 1_000_000_000n,
};
/** A chain's identifier is the beginning of its context. */
const CHAIN_ID_CHARACTERS = 50;
/** Blocks between two writes of what is trusted. */
const SAVE_INTERVAL = 128n;
/** Verified blocks that are kept: batches are based on blocks of the past few seconds. */
const MAX_BLOCKS = 64;

/** What the host keeps of the newest verified block. A host that changes it can but choose to be believed or not. */
export class TrustedBlock extends struct("TrustedBlock", { height: u64, hash: text({ max: 64 }) }) {}

function decodeBlock({ height, meta }: LightBlock): EngineLightBlock {
  try {
    const block = EngineLightBlock.decode(meta ?? new Uint8Array(0));
    const found = block.signedHeader?.header?.height;
    if (found !== undefined && found !== height) throw verifierErrors.verificationFailed("height of another block");
    return block;
  } catch (error) {
    if (error instanceof DecodeError) throw verifierErrors.verificationFailed(error.message);
    throw error;
  }
}

/** The state that the header of a block tells the root of: that before the block. Nothing is verified. */
export function claimedState(trees: ConsensusTrees, block: LightBlock): ConsensusState {
  const header = decodeBlock(block).signedHeader?.header;
  if (header === undefined) throw verifierErrors.verificationFailed("missing signed header");
  return trees.open(header.height - 1n, header.appHash);
}

/**
 * Follows the chain from a block that is trusted: believes later ones when enough of the validators that it knows have
 * signed them, and runtime blocks when they are what the state of the consensus layer says.
 */
export class Verifier {
  private readonly chainId: string;
  /** Verified blocks by rising height; empty until something has to be verified. */
  private blocks: CompleteLightBlock[] = [];
  private savedHeight = -SAVE_INTERVAL;
  /** What was verified last. */
  private last: Verified = { height: 0n, round: 0n, epoch: 0n, stateRoot: new Uint8Array(0) };

  constructor(
    private readonly root: TrustRoot,
    private readonly ask: HostAsk,
    private readonly trees: ConsensusTrees,
  ) {
    this.chainId = root.chainContext.slice(0, CHAIN_ID_CHARACTERS);
  }

  /** Follows the chain to a height. Lower ones than are known are passed over. @throws CodedError verifier */
  sync(height: bigint): void {
    this.load();
    if (height <= (this.blocks.at(-1) as CompleteLightBlock).header.height) return;
    const block = this.fetch(height);
    if (block !== undefined) this.believe(block);
  }

  /**
   * Verifies what a batch is based on.
   *
   * @returns the state before the consensus block
   * @throws CodedError verifier
   */
  verify({ block, header, epoch }: Claim): ConsensusState {
    this.checkProgress(block.height, header.round, epoch);
    const verified = this.believe(this.checked(decodeBlock(block)));
    if (header.timestamp !== verified.header.time.seconds) {
      throw verifierErrors.verificationFailed("runtime block timestamp inconsistent with consensus time");
    }
    if (!this.isKnown(block.height, header, epoch)) this.checkRuntimeBlock(this.stateAfter(verified), header, epoch);
    this.last = { height: block.height, round: header.round, epoch, stateRoot: header.stateRoot };
    return this.trees.open(verified.header.height - 1n, verified.header.appHash);
  }

  /** A batch is mostly put together and executed on the same block, or executed twice. */
  private isKnown(height: bigint, { round, stateRoot }: Header, epoch: bigint): boolean {
    const { last } = this;
    const same = last.height === height && last.round === round && last.epoch === epoch;
    return same && equalBytes(last.stateRoot, stateRoot);
  }

  private checkProgress(height: bigint, round: bigint, epoch: bigint): void {
    const { last } = this;
    if (height < last.height) throw verifierErrors.verificationFailed("height seems to have moved backwards");
    if (round < last.round) throw verifierErrors.verificationFailed("round seems to have moved backwards");
    if (epoch < last.epoch) throw verifierErrors.verificationFailed("epoch seems to have moved backwards");
    if (round > last.round && height <= last.height) {
      throw verifierErrors.verificationFailed("consensus height did not advance but runtime round did");
    }
  }

  private checkRuntimeBlock(state: ConsensusState, { namespace, stateRoot }: Header, epoch: bigint): void {
    const expected = state.runtimeStateRoot(namespace) ?? new Uint8Array(0);
    if (!equalBytes(expected, stateRoot)) {
      const roots = `(expected: ${toHex(expected)} got: ${toHex(stateRoot)})`;
      throw verifierErrors.verificationFailed(`state root mismatch ${roots}`);
    }
    if (state.epoch !== epoch) {
      throw verifierErrors.verificationFailed(`epoch number mismatch (expected: ${state.epoch} got: ${epoch})`);
    }
  }

  /** State after a block: told by the next header, or while there is none by the transaction that closes the block. */
  private stateAfter({ header }: CompleteLightBlock): ConsensusState {
    const next = this.fetch(header.height + 1n);
    if (next !== undefined) return this.trees.open(header.height, this.believe(next).header.appHash);
    const { signedTx, proof } = this.ask("HostFetchBlockMetadataTxRequest", { height: header.height });
    const { method, body } = this.transactionOf(signedTx, proof.rawProof, header.dataHash);
    if (proof.height !== header.height || method !== METHOD_META) throw verifierErrors.stateRoot("invalid transaction");
    return this.trees.open(header.height, decoded(() => BlockMetadata.decode(body)).stateRoot);
  }

  private transactionOf(signed: SignedTransaction, rawProof: Uint8Array, dataHash: Uint8Array): Transaction {
    const { signature, untrustedRawValue } = signed;
    const { chainContext } = this.root;
    if (!verify(signature.publicKey, TRANSACTION_CONTEXT, untrustedRawValue, signature.signature, { chainContext })) {
      throw verifierErrors.transactionVerificationFailed("failed to verify the signature");
    }
    const proof = decoded(() => EncodedProof.decode(rawProof, "rpc"));
    if (!verifyMerkleProof(proof, dataHash, sha256(SignedTransaction.encode(signed)))) {
      throw verifierErrors.transactionVerificationFailed("failed to verify Merkle proof");
    }
    return decoded(() => Transaction.decode(untrustedRawValue));
  }

  private get storeKey(): Uint8Array {
    return utf8(`qanat.verifier.${this.root.hash}`);
  }

  /** Takes up the block that was believed last, the first time that of the author. */
  private load(): void {
    if (this.blocks.length > 0) return;
    const { value } = this.ask("HostLocalStorageGetRequest", { key: this.storeKey });
    const { height, hash } =
      value === null || value.length === 0 ? this.root : decoded(() => TrustedBlock.decode(value));
    const block = this.fetch(height);
    if (block === undefined || !equalBytes(consensusHash(block.header), fromHex(hash.toLowerCase()))) {
      throw verifierErrors.builder(`the host does not have the trusted block at height ${height}`);
    }
    this.blocks = [block];
  }

  /** The highest known block up to a height. */
  private before(height: bigint): CompleteLightBlock {
    const block = this.blocks.findLast(({ header }) => header.height <= height);
    if (block === undefined) throw verifierErrors.verificationFailed(`block ${height} is below all that are known`);
    return block;
  }

  /** Verifies a block from one below it, by way of blocks in between where too much has changed. */
  private believe(target: CompleteLightBlock): CompleteLightBlock {
    this.load();
    let foothold = this.before(target.header.height);
    if (foothold.header.height === target.header.height) return same(foothold, target);
    const ahead = [target];
    for (let next = ahead.at(-1); next !== undefined; next = ahead.at(-1)) {
      if (reaches(foothold, next)) {
        foothold = next;
        ahead.pop();
        continue;
      }
      const middle = (foothold.header.height + next.header.height) / 2n;
      const between = middle === foothold.header.height ? undefined : this.fetch(middle);
      if (between === undefined) throw verifierErrors.verificationFailed(`no way to block ${next.header.height}`);
      ahead.push(between);
    }
    const at = this.blocks.findLastIndex(({ header }) => header.height < target.header.height);
    this.blocks.splice(at + 1, 0, target);
    if (this.blocks.length > MAX_BLOCKS) this.blocks.shift();
    this.save(target);
    return target;
  }

  private save({ header }: CompleteLightBlock): void {
    if (header.height < this.savedHeight + SAVE_INTERVAL) return;
    this.savedHeight = header.height;
    const value = TrustedBlock.encode({ height: header.height, hash: toHex(consensusHash(header)) });
    this.ask("HostLocalStorageSetRequest", { key: this.storeKey, value });
  }

  /** A block of the host, complete but not verified; undefined when the host does not have it yet. */
  private fetch(height: bigint): CompleteLightBlock | undefined {
    let block: LightBlock;
    try {
      ({ block } = this.ask("HostFetchConsensusBlockRequest", { height }));
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
    const decodedBlock = decodeBlock(block);
    return decodedBlock.signedHeader?.header === undefined ? undefined : this.checked(decodedBlock);
  }

  private checked(block: EngineLightBlock): CompleteLightBlock {
    return believed(() => checkLightBlock(this.chainId, block));
  }
}

function same(known: CompleteLightBlock, given: CompleteLightBlock): CompleteLightBlock {
  if (equalBytes(consensusHash(known.header), consensusHash(given.header))) return known;
  throw verifierErrors.verificationFailed(`header mismatch at height ${given.header.height}`);
}

function reaches(foothold: CompleteLightBlock, next: CompleteLightBlock): boolean {
  try {
    // The moment of the block stands in for a clock: the host could lie about any other one.
    verifyCheckedBlock(foothold, next, next.header.time, TRUST);
    return true;
  } catch (error) {
    if (error instanceof VerificationError && error.reason === "trust") return false;
    return believed(() => {
      throw error;
    });
  }
}

function believed<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof VerificationError) throw verifierErrors.verificationFailed(error.message);
    throw error;
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw verifierErrors.transactionVerificationFailed(error.message);
    throw error;
  }
}

/** @throws CodedError when a runtime cannot be what its trust root says */
export function checkTrustRoot(root: TrustRoot, chainContext: string): void {
  if (root.chainContext !== chainContext) {
    throw dispatcherError(`trust root is of the chain ${root.chainContext}, the host's is ${chainContext}`);
  }
}
