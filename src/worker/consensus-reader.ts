import { EMPTY_HASH } from "#common/hash.js";
import { DecodeError, unknown } from "#common/errors/index.js";
import { byteArray } from "#common/schema/index.js";
import type { Backend } from "#consensus/backends/backend.js";
import { totalVotingPower, ValidatorSet } from "#consensus/block/validator.js";
import { ServiceEvent } from "#consensus/rpc.js";
import { event as governanceEvent } from "#consensus/services/governance/queries.js";
import { event as registryEvent } from "#consensus/services/registry/queries.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { event as stakingEvent } from "#consensus/services/staking/queries.js";
import { encodedProofs } from "#consensus/transaction-proofs.js";
import type { AbciEvent } from "#consensus/transaction/results.js";
import { METHOD_META, SignedTransaction, Transaction, transactionHash } from "#consensus/transaction/transaction.js";
import type { ConsensusReader } from "#runtime/host/host-handler.js";
import {
  EVENT_KIND,
  type HostFetchBlockMetadataTxResponse,
  type HostProveFreshnessResponse,
  type LightBlock,
  type Validators,
} from "#runtime/rhp/messages/index.js";
import { lightBlockAt } from "./dispatch.js";
import type { TransactionSubmitter } from "./options.js";

/** 32 bytes that a runtime wants to see in a block. */
const FreshnessBlob = byteArray(32);

type Reader = (carrier: AbciEvent, height: bigint, txHash: Uint8Array) => Partial<ServiceEvent>;

/** How the events of each kind are read. */
const READERS: { readonly [kind: number]: Reader } = {
  [EVENT_KIND.staking]: (...of) => ({ staking: stakingEvent(...of) }),
  [EVENT_KIND.registry]: (...of) => ({ registry: registryEvent(...of) }),
  [EVENT_KIND.roothash]: (...of) => ({ roothash: readRuntimeEvent(...of) }),
  [EVENT_KIND.governance]: (...of) => ({ governance: governanceEvent(...of) }),
};
const NO_EVENT: ServiceEvent = ServiceEvent.zero();

/** Answers what runtimes ask about the consensus layer (runtime host protocol: runtime to host bodies). */
export class BackendReader implements ConsensusReader {
  /** @param submitter puts transactions of the node's key into blocks */
  constructor(
    private readonly backend: Backend,
    private readonly submitter: TransactionSubmitter,
  ) {}

  /**
   * The light block of a height. The one after the latest is answered at once with nothing but its validators: whoever
   * verifies has another way, and waiting for the block would hold up the round.
   *
   * @throws CodedError unknown/1 for heights that are not kept or further in the future
   */
  lightBlock(requested: bigint): LightBlock {
    return lightBlockAt(this.backend, this.validatorsAt(requested, "light block").height);
  }

  /** The validators of a height, of the next two as well. @throws CodedError unknown/1 */
  validators(requested: bigint): Validators {
    const { height, set } = this.validatorsAt(requested, "validator");
    return { height, meta: ValidatorSet.encode(set) };
  }

  /** @param wanted what the runtime asked for, as errors name it */
  private validatorsAt(requested: bigint, wanted: string): { height: bigint; set: ValidatorSet } {
    const height = this.definite(requested);
    const found = this.backend.validators(height);
    if (found === undefined) {
      throw unknown(`failed to fetch ${wanted} for height ${requested}: ${this.notKept(height).message}`);
    }
    return { height, set: { ...found, totalVotingPower: totalVotingPower(found) } };
  }

  /** Events of one service at a height, in the order in which they came about. @throws CodedError unknown/1 */
  events(requested: bigint, kind: number): Uint8Array[] {
    const read = READERS[kind];
    if (read === undefined) throw unknown("method not supported");
    const height = this.definite(requested);
    const [block, outcome] = [this.backend.block(height), this.backend.results(height)];
    if (block === undefined || outcome === undefined) throw this.notKept(height);
    const encode = (txHash: Uint8Array) => (carrier: AbciEvent) => {
      const event = { ...NO_EVENT, ...read(carrier, height, txHash) };
      return ServiceEvent.isEmpty(event) ? [] : [ServiceEvent.encode(event)];
    };
    const ofTransactions = outcome.results.flatMap(({ events }, i) => {
      const raw = block.data.txs[i];
      return raw === undefined ? [] : events.flatMap(encode(transactionHash(raw)));
    });
    const ofBlock = encode(EMPTY_HASH);
    return [...outcome.beginEvents.flatMap(ofBlock), ...ofTransactions, ...outcome.endEvents.flatMap(ofBlock)];
  }

  /** The transaction with which the proposer closed a block, and its proof. @throws CodedError unknown/1 */
  metadataTransaction(requested: bigint): HostFetchBlockMetadataTxResponse {
    const height = this.definite(requested);
    const txs = this.backend.block(height)?.data.txs;
    if (txs === undefined) throw this.notKept(height);
    for (let i = txs.length - 1; i >= 0; i--) {
      const signedTx = readSigned(txs[i] as Uint8Array);
      if (signedTx !== undefined && methodOf(signedTx) === METHOD_META) return this.proven(height, i, signedTx);
    }
    throw unknown("block metadata transaction not found");
  }

  genesisHeight(): bigint {
    return this.backend.app.initialHeight;
  }

  /** Puts 32 bytes into a block. @throws CodedError of the transaction */
  async proveFreshness(blob: Uint8Array): Promise<HostProveFreshnessResponse> {
    const { height, index } = await this.submitter.submit("registry.ProveFreshness", FreshnessBlob.encode(blob));
    const raw = this.backend.block(height)?.data.txs[index];
    const signedTx = raw === undefined ? undefined : readSigned(raw);
    if (signedTx === undefined) throw this.notKept(height);
    return this.proven(height, index, signedTx);
  }

  private proven(height: bigint, index: number, signedTx: SignedTransaction): HostFetchBlockMetadataTxResponse {
    const rawProof = encodedProofs(this.backend.block(height)?.data.txs ?? [])[index];
    if (rawProof === undefined) throw this.notKept(height);
    return { signedTx, proof: { height, rawProof } };
  }

  private definite(requested: bigint): bigint {
    return requested === 0n ? this.backend.latestHeight : requested;
  }

  private notKept(height: bigint): Error {
    const { earliestHeight, latestHeight } = this.backend;
    return unknown(`height ${height} is not here, kept are ${earliestHeight} to ${latestHeight}`);
  }
}

function readSigned(raw: Uint8Array): SignedTransaction | undefined {
  return attempt(() => SignedTransaction.decode(raw));
}

function methodOf(signed: SignedTransaction): string | undefined {
  return attempt(() => Transaction.decode(signed.untrustedRawValue))?.method;
}

/** What `decode` returns, or undefined for bytes that mean nothing. */
function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
