import { concatBytes, equalBytes, utf8 } from "#common/bytes.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import { type ExecutorCommitment, FAILURE_NONE, type Proposal } from "#consensus/services/roothash/types.js";
import { failureHeader } from "#worker/executor/commitments.js";
import type { Conduct, Outlet } from "#worker/executor/outlet.js";
import type { RoundSigning } from "#worker/executor/signing.js";
import type { ByzantineSwitches } from "./switches.js";

/** A node that misbehaves as its switches say, whenever something leaves it. */
class Misbehaving implements Outlet {
  constructor(
    private readonly name: string,
    private readonly switches: ByzantineSwitches,
    private readonly honest: Outlet,
    private readonly signing: RoundSigning,
  ) {}

  publish(epoch: bigint, proposal: Proposal): void {
    const { switches, name, honest } = this;
    if (switches.has(name, "straggler")) return;
    honest.publish(epoch, switches.has(name, "wrong-scheduler") ? this.bogus(proposal) : proposal);
    if (switches.has(name, "equivocate")) honest.publish(epoch, this.empty(proposal));
  }

  async submit(commitment: ExecutorCommitment): Promise<void> {
    const { switches, name, honest } = this;
    if (switches.has(name, "straggler") || switches.has(name, "runaway")) return;
    if (switches.has(name, "bad-messages")) return honest.submit(damaged(commitment));
    if (switches.has(name, "failure")) return honest.submit(this.failure(commitment));
    if (switches.has(name, "no-store")) return honest.submit({ ...commitment, storageSigs: undefined });
    const second = switches.has(name, "equivocate") ? this.contradiction(commitment) : undefined;
    const first = honest.submit(commitment);
    if (second !== undefined) await Promise.allSettled([first, honest.submit(second)]);
    return first;
  }

  private bogus({ header, batch }: Proposal): Proposal {
    const none = hash(concatBytes(utf8("a transaction that nobody has"), header.previousHash));
    return this.signing.proposal({ ...header, batchHash: none }, [...batch, none]);
  }

  /** Another proposal that can be executed as well. */
  private empty(proposal: Proposal): Proposal {
    // Where the honest one is empty too, there has to be something else that differs.
    if (proposal.batch.length === 0) return this.bogus(proposal);
    return this.signing.proposal({ ...proposal.header, batchHash: EMPTY_HASH }, []);
  }

  private failure({ header }: ExecutorCommitment): ExecutorCommitment {
    const { round, previousHash } = header.header;
    return this.signing.commitment(failureHeader(round, previousHash, header.schedulerId), []);
  }

  /** Other results for the proposal of somebody else; its own proposals are contradicted by proposals. */
  private contradiction({ header }: ExecutorCommitment): ExecutorCommitment | undefined {
    if (equalBytes(header.schedulerId, this.signing.nodeId) || header.failure !== FAILURE_NONE) return undefined;
    const stateRoot = hash(utf8("another state"));
    return this.signing.commitment({ ...header, header: { ...header.header, stateRoot } }, []);
  }
}

function damaged(commitment: ExecutorCommitment): ExecutorCommitment {
  const signature = commitment.signature.slice();
  signature[0] = (signature[0] ?? 0) ^ 1;
  return { ...commitment, signature };
}

/** The conduct of a node in committees under switches. */
export function switchedConduct(name: string, switches: ByzantineSwitches): Conduct {
  return (honest, signing) => new Misbehaving(name, switches, honest, signing);
}
