/** A consensus layer that is believed only as far as its validators vouch for it (runtime host protocol: consensus trust). */
import { sha256 } from "#kernels";
import { equalBytes, fromHex, toHex, utf8 } from "#common/bytes.js";
import { verify } from "#common/crypto/signature.js";
import { CodedError } from "#common/errors/index.js";
import type { Entropy } from "#common/ports/entropy.js";
import { byteArray, struct, text, u64 } from "#common/schema/index.js";
import { headerHash as consensusHash } from "#consensus/block/header.js";
import { checkLightBlock, type CompleteLightBlock, type LightBlock } from "#consensus/block/light-block.js";
import { verifyMerkleProof } from "#consensus/block/merkle.js";
import { VerificationError } from "#consensus/block/verification-error.js";
import { type TrustOptions, verifyCheckedBlock } from "#consensus/light/verify.js";
import { EncodedProof } from "#consensus/rpc.js";
import type { Header } from "#consensus/services/roothash/types.js";
import { SignedTransaction, type Transaction, TRANSACTION_CONTEXT } from "#consensus/transaction/transaction.js";
import { dispatcherErrors } from "../rhp/errors.js";
import { type Claim, ConsensusClient, decodedTransaction, orNone, type ProvenTransaction } from "./consensus-client.js";
import type { ConsensusState, ConsensusTrees } from "./consensus-state.js";
import { dispatcherError, verifierErrors } from "./errors.js";
import type { HostAsk } from "./host-port.js";
import { believed } from "./light-block.js";

/** A block of the chain that the author of a runtime believes in; everything later is verified from there. */
export interface TrustRoot {
  /** Its height. */
  readonly height: bigint;
  /** Hash of the block's header, 64 hexadecimal digits. */
  readonly hash: string;
  /** Hexadecimal hash of the genesis document. */
  readonly chainContext: string;
  /** Identifier of the runtime, 64 hexadecimal digits: the program then refuses to be another one. */
  readonly runtimeId?: string;
}

/** A runtime block that the consensus layer confirms. */
interface Confirmed {
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
/** Confirmed runtime blocks that are kept. */
const MAX_CONFIRMED = 128;
/** What the host puts into a block to prove that it shows the present. */
const FRESHNESS_BYTES = 32;
const METHOD_PROVE_FRESHNESS = "registry.ProveFreshness";
const FreshnessBlob = byteArray(FRESHNESS_BYTES);

/** What the host keeps of the newest verified block. A host that changes it can but choose to be believed or not. */
export class TrustedBlock extends struct("TrustedBlock", { height: u64, hash: text({ max: 64 }) }) {}

/**
 * Follows the chain from a block that is trusted: believes later ones when enough of the validators that it knows have
 * signed them, and runtime blocks when they are what the state of the consensus layer says.
 */
export class Verifier extends ConsensusClient {
  private readonly chainId: string;
  /** Verified blocks by rising height; empty until something has to be verified. */
  private blocks: CompleteLightBlock[] = [];
  private savedHeight = -SAVE_INTERVAL;
  /** How far executed batches have come. */
  private progress = { height: 0n, round: 0n, epoch: 0n };
  /** Runtime blocks that need not be looked up again, oldest first. */
  private confirmed: Confirmed[] = [];
  private provesFreshness: boolean;

  /**
   * @param entropy numbers that the host cannot foresee: with them it has to prove once, before anything is verified,
   *   that it shows the present
   */
  constructor(
    private readonly root: TrustRoot,
    ask: HostAsk,
    trees: ConsensusTrees,
    private readonly entropy?: Entropy,
  ) {
    super(ask, trees);
    this.chainId = root.chainContext.slice(0, CHAIN_ID_CHARACTERS);
    this.provesFreshness = entropy !== undefined;
  }

  /** Follows the chain to a height. Lower ones than are known are passed over. @throws CodedError verifier */
  override sync(height: bigint): void {
    this.prepare();
    if (height <= this.latestHeight) return;
    const block = this.fetchComplete(height);
    if (block !== undefined) this.believe(block);
  }

  override get latestHeight(): bigint {
    this.prepare();
    return (this.blocks.at(-1) as CompleteLightBlock).header.height;
  }

  override verify(claim: Claim): ConsensusState {
    const { block, header, epoch } = claim;
    this.checkProgress(block.height, header.round, epoch);
    const state = this.verifyForQuery(claim);
    this.progress = { height: block.height, round: header.round, epoch };
    return state;
  }

  override verifyForQuery({ block, header, epoch }: Claim): ConsensusState {
    this.prepare();
    const verified = this.believe(this.complete(this.reader.read(block)));
    if (header.timestamp !== verified.header.time.seconds) {
      throw verifierErrors.verificationFailed("runtime block timestamp inconsistent with consensus time");
    }
    const claimed = { height: block.height, round: header.round, epoch, stateRoot: header.stateRoot };
    if (!this.isConfirmed(claimed)) {
      this.checkRuntimeBlock(this.stateAfter(block.height), header, epoch);
      this.confirmed = [...this.confirmed, claimed].slice(-MAX_CONFIRMED);
    }
    return this.trees.open(verified.header.height - 1n, verified.header.appHash);
  }

  override stateAfter(height: bigint): ConsensusState {
    this.prepare();
    const appHash = orNone(() => this.headerAt(height + 1n)?.appHash);
    return appHash === undefined ? this.stateFromMetadata(height) : this.trees.open(height, appHash);
  }

  /** A batch is mostly put together and executed on the same block, or executed twice. */
  private isConfirmed({ height, round, epoch, stateRoot }: Confirmed): boolean {
    return this.confirmed.some(
      (known) =>
        known.height === height &&
        known.round === round &&
        known.epoch === epoch &&
        equalBytes(known.stateRoot, stateRoot),
    );
  }

  private checkProgress(height: bigint, round: bigint, epoch: bigint): void {
    const { progress } = this;
    if (height < progress.height) throw verifierErrors.verificationFailed("height seems to have moved backwards");
    if (round < progress.round) throw verifierErrors.verificationFailed("round seems to have moved backwards");
    if (epoch < progress.epoch) throw verifierErrors.verificationFailed("epoch seems to have moved backwards");
    if (round > progress.round && height <= progress.height) {
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

  /** Opens a transaction that is part of a block. @throws CodedError verifier/6 when it is not */
  protected override readTransaction(found: ProvenTransaction): Transaction {
    const { signedTx, proof: given } = found;
    const { signature, untrustedRawValue } = signedTx;
    const { chainContext } = this.root;
    if (!verify(signature.publicKey, TRANSACTION_CONTEXT, untrustedRawValue, signature.signature, { chainContext })) {
      throw verifierErrors.transactionVerificationFailed("failed to verify the signature");
    }
    const dataHash = orNone(() => this.headerAt(given.height)?.dataHash);
    if (dataHash === undefined) throw verifierErrors.transactionVerificationFailed("failed to fetch the block");
    const proof = decodedTransaction(() => EncodedProof.decode(given.rawProof, "rpc"));
    if (!verifyMerkleProof(proof, dataHash, sha256(SignedTransaction.encode(signedTx)))) {
      throw verifierErrors.transactionVerificationFailed("failed to verify Merkle proof");
    }
    return super.readTransaction(found);
  }

  /** Has the host put random bytes into a block: a host that only knows an old part of the chain cannot. */
  private verifyFreshness(entropy: Entropy): void {
    const blob = entropy.bytes(FRESHNESS_BYTES);
    const { method, body } = this.readTransaction(this.askForFreshness(blob));
    if (method !== METHOD_PROVE_FRESHNESS) throw verifierErrors.freshnessVerificationFailed("invalid method name");
    if (
      !equalBytes(
        decodedTransaction(() => FreshnessBlob.decode(body)),
        blob,
      )
    ) {
      throw verifierErrors.freshnessVerificationFailed("invalid nonce");
    }
  }

  private askForFreshness(blob: Uint8Array): ProvenTransaction {
    try {
      return this.ask("HostProveFreshnessRequest", { blob });
    } catch (error) {
      if (error instanceof CodedError) throw verifierErrors.freshnessVerificationFailed(error.message);
      throw error;
    }
  }

  private get storeKey(): Uint8Array {
    return utf8(`qanat.verifier.${this.root.hash}`);
  }

  /** Takes up the block that was believed last, the first time that of the author. */
  private prepare(): void {
    if (this.blocks.length === 0) this.load();
    if (!this.provesFreshness || this.entropy === undefined) return;
    // Off while it is done, which itself verifies blocks; and on again when it fails.
    this.provesFreshness = false;
    let proved = false;
    try {
      this.verifyFreshness(this.entropy);
      proved = true;
    } finally {
      this.provesFreshness = !proved;
    }
  }

  private load(): void {
    const { value } = this.ask("HostLocalStorageGetRequest", { key: this.storeKey });
    const { height, hash } =
      value === null || value.length === 0 ? this.root : decodedTransaction(() => TrustedBlock.decode(value));
    const block = this.fetchComplete(height);
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
      const between = middle === foothold.header.height ? undefined : this.fetchComplete(middle);
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
  private fetchComplete(height: bigint): CompleteLightBlock | undefined {
    const block = this.fetch(height);
    return block?.signedHeader === undefined ? undefined : this.complete(block);
  }

  /** The verified header of a height; undefined when there is none yet. @throws CodedError verifier */
  private headerAt(height: bigint): CompleteLightBlock["header"] | undefined {
    const known = this.blocks.find(({ header }) => header.height === height);
    if (known !== undefined) return known.header;
    const block = this.fetchComplete(height);
    return block && this.believe(block).header;
  }

  private complete(block: LightBlock): CompleteLightBlock {
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

/** @throws CodedError when a runtime cannot be what its trust root says */
export function checkTrustRoot(root: TrustRoot, runtimeId: Uint8Array, chainContext: string): void {
  if (root.runtimeId !== undefined && root.runtimeId.toLowerCase() !== toHex(runtimeId)) {
    const ids = `(expected ${root.runtimeId} got ${toHex(runtimeId)})`;
    throw dispatcherErrors.invalidRuntimeId(ids);
  }
  if (root.chainContext !== chainContext) {
    throw dispatcherError(`trust root is of the chain ${root.chainContext}, the host's is ${chainContext}`);
  }
}
