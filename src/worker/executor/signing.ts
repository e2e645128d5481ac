import { toHex } from "#common/bytes.js";
import { type Domain, type KeyedSignature, type Signer, verify } from "#common/crypto/signature.js";
import {
  EXECUTOR_COMMITMENT_CONTEXT,
  type ExecutorCommitment,
  ExecutorCommitmentHeader,
  type Message,
  type Proposal,
  PROPOSAL_CONTEXT,
  ProposalHeader,
} from "#consensus/services/roothash/types.js";

/** Signatures of one runtime on one chain. */
export class RoundSigning {
  private readonly domain: Domain;

  constructor(
    private readonly signer: Signer,
    chainContext: string,
    runtimeId: Uint8Array,
  ) {
    this.domain = { chainContext, suffix: toHex(runtimeId) };
  }

  /** The node's identity. */
  get nodeId(): Uint8Array {
    return this.signer.publicKey;
  }

  proposal(header: ProposalHeader, batch: Uint8Array[]): Proposal {
    const signature = this.signer.sign(PROPOSAL_CONTEXT, ProposalHeader.encode(header), this.domain);
    return { nodeId: this.nodeId, header, signature, batch };
  }

  /** Whether a proposal is signed by the node that it names. */
  isValid({ nodeId, header, signature }: Proposal): boolean {
    return verify(nodeId, PROPOSAL_CONTEXT, ProposalHeader.encode(header), signature, this.domain);
  }

  /** @param storageSigs receipts, where the runtime demands them */
  commitment(
    header: ExecutorCommitmentHeader,
    messages: Message[],
    storageSigs?: KeyedSignature[],
  ): ExecutorCommitment {
    const encoded = ExecutorCommitmentHeader.encode(header);
    const signature = this.signer.sign(EXECUTOR_COMMITMENT_CONTEXT, encoded, this.domain);
    return { nodeId: this.nodeId, header, signature, messages, storageSigs };
  }
}
