/** What a runtime learns of the consensus layer from its host (runtime host protocol: consensus trust). */
import { assert } from "#common/assert.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import type { LightBlock as EngineLightBlock } from "#consensus/block/light-block.js";
import { ServiceEvent } from "#consensus/rpc.js";
import type { Header } from "#consensus/services/roothash/types.js";
import { BlockMetadata, METHOD_META, Transaction } from "#consensus/transaction/transaction.js";
import { EVENT_KIND, type HostFetchBlockMetadataTxResponse, type LightBlock } from "../rhp/messages/index.js";
import { ConsensusState, ConsensusTrees, NOBODY_TO_ASK } from "./consensus-state.js";
import { verifierErrors } from "./errors.js";
import type { HostAsk } from "./host-port.js";
import { LightBlockReader } from "./light-block.js";

/** A service of the consensus layer whose events a runtime can read. */
export type EventSource = keyof typeof EVENT_KIND;

/** What a request says about the chain that it is based on. */
export interface Claim {
  readonly block: LightBlock;
  readonly header: Header;
  readonly epoch: bigint;
}

/** A transaction, and a proof that it is part of a block. */
export type ProvenTransaction = HostFetchBlockMetadataTxResponse;

/** The newest block, whichever that is. */
const LATEST = 0n;

/** @throws CodedError verifier/6 for bytes that are not what they should be */
export function decodedTransaction<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw verifierErrors.transactionVerificationFailed(error.message);
    throw error;
  }
}

/** What there is another way to know: nothing, where it cannot be had. */
export function orNone<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/**
 * Reads the consensus layer through the host. This one believes what the host says; a runtime with a trust root has one
 * that does not.
 */
export class ConsensusClient {
  protected readonly reader = new LightBlockReader();
  private newest: bigint | undefined;

  constructor(
    private readonly mayAsk: HostAsk | undefined,
    protected readonly trees: ConsensusTrees = new ConsensusTrees(mayAsk),
  ) {}

  /** @throws CodedError verifier/7 where there is nobody to ask */
  protected get ask(): HostAsk {
    if (this.mayAsk === undefined) throw verifierErrors.stateRoot(NOBODY_TO_ASK);
    return this.mayAsk;
  }

  /** Follows the chain to a height. @throws CodedError verifier when the host does not have the block */
  sync(height: bigint): void {
    this.saw(this.fetchKnown(height).height);
  }

  /** Height of the newest block that is known. @throws CodedError verifier */
  get latestHeight(): bigint {
    if (this.newest === undefined) this.saw(this.fetchKnown(LATEST).height);
    assert(this.newest !== undefined, "a block was fetched");
    return this.newest;
  }

  /**
   * The state before the block that a batch is based on, once everything that the batch is based on is believed.
   *
   * @throws CodedError verifier
   */
  verify({ block }: Claim): ConsensusState {
    return this.claimed(block);
  }

  /** The same for a query: it may be about any block. @throws CodedError verifier */
  verifyForQuery(claim: Claim): ConsensusState {
    return this.verify(claim);
  }

  /**
   * The state before a block as the header says it, which nobody has verified. The block is checked at once; the state
   * is opened when it is wanted.
   *
   * @throws CodedError verifier/2 when the block is not well formed
   */
  claimed(block: LightBlock): ConsensusState {
    const { height, appHash } = this.reader.readHeader(block);
    this.saw(height);
    return new ConsensusState(() => this.trees.open(height - 1n, appHash).source);
  }

  /** The state after the newest block that is known. @throws CodedError verifier */
  get latestState(): ConsensusState {
    return this.stateFromMetadata(this.latestHeight);
  }

  /** The state after a block. @throws CodedError verifier */
  stateAfter(height: bigint): ConsensusState {
    const appHash = orNone(() => this.fetch(height + 1n)?.signedHeader?.header?.appHash);
    return appHash === undefined ? this.stateFromMetadata(height) : this.trees.open(height, appHash);
  }

  /**
   * What happened in a block, in its order. Nobody can verify it: all members of a committee have to have been told the
   * same, else they come to different results.
   *
   * @throws CodedError verifier/2, or the host's own error
   */
  eventsAt(height: bigint, source: EventSource): ServiceEvent[] {
    const { events } = this.ask("HostFetchConsensusEventsRequest", { height, kind: EVENT_KIND[source] });
    try {
      return events.map((event) => ServiceEvent.decode(event, "rpc"));
    } catch (error) {
      if (error instanceof DecodeError) throw verifierErrors.verificationFailed(error.message);
      throw error;
    }
  }

  protected saw(height: bigint): void {
    if (this.newest === undefined || height > this.newest) this.newest = height;
  }

  /** A block of the host; undefined when the host does not have it. @throws CodedError verifier/2 */
  protected fetch(height: bigint): EngineLightBlock | undefined {
    const block = orNone(() => this.ask("HostFetchConsensusBlockRequest", { height }).block);
    return block && this.reader.read(block);
  }

  private fetchKnown(height: bigint): LightBlock {
    try {
      return this.ask("HostFetchConsensusBlockRequest", { height }).block;
    } catch (error) {
      if (error instanceof CodedError) throw verifierErrors.verificationFailed(hostError(error));
      throw error;
    }
  }

  /** The state after a block as the transaction says that closes the block. */
  protected stateFromMetadata(height: bigint): ConsensusState {
    const found = this.fetchMetadata(height);
    const { method, body } = this.readTransaction(found);
    if (found.proof.height !== height || method !== METHOD_META) throw verifierErrors.stateRoot("invalid transaction");
    return this.trees.open(height, decodedTransaction(() => BlockMetadata.decode(body)).stateRoot);
  }

  private fetchMetadata(height: bigint): ProvenTransaction {
    try {
      return this.ask("HostFetchBlockMetadataTxRequest", { height });
    } catch (error) {
      if (error instanceof CodedError) throw verifierErrors.stateRoot(hostError(error));
      throw error;
    }
  }

  /** Opens a transaction of a block. @throws CodedError verifier/6 */
  protected readTransaction({ signedTx }: ProvenTransaction): Transaction {
    return decodedTransaction(() => Transaction.decode(signedTx.untrustedRawValue));
  }
}

/** An error of the host, worded as by runtimes in Rust. */
function hostError({ module, code, message }: CodedError): string {
  return `module: ${module} code: ${code} message: ${message}`;
}
