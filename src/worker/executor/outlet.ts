import { ExecutorCommit, type ExecutorCommitment, type Proposal } from "#consensus/services/roothash/types.js";
import type { RoundSigning } from "./signing.js";

/** Where the signed words of a committee member leave its node. */
export interface Outlet {
  /** Gossips a proposal. @param epoch that the committee serves in */
  publish(epoch: bigint, proposal: Proposal): void;
  /** Puts a commitment into a block; resolves when it is there. @throws CodedError when it is refused */
  submit(commitment: ExecutorCommitment): Promise<void>;
}

/** Changes what leaves a node. Honest nodes have none; it is the way in for tests and development networks. */
export type Conduct = (honest: Outlet, signing: RoundSigning) => Outlet;

/** The way out of an honest node: its committee's gossip and the chain. */
export function honestOutlet(
  runtimeId: Uint8Array,
  topic: Pick<Outlet, "publish">,
  submitter: { submit(method: string, body: Uint8Array): Promise<unknown> },
): Outlet {
  return {
    publish: (epoch, proposal) => topic.publish(epoch, proposal),
    async submit(commitment) {
      const body = ExecutorCommit.encode({ id: runtimeId, commits: [commitment] });
      await submitter.submit("roothash.ExecutorCommit", body);
    },
  };
}
