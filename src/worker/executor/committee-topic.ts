import { DecodeError } from "#common/errors/index.js";
import { named, omitEmpty, optional, struct, u64 } from "#common/schema/index.js";
import { Proposal } from "#consensus/services/roothash/types.js";
import type { JoinedTopic, P2pHost, Verdict } from "#p2p/host.js";
import { topicId } from "#p2p/topic.js";
import type { CommitteeView } from "./committee-view.js";
import type { ProposalQueue } from "./proposals.js";
import type { RoundSigning } from "./signing.js";

/** What members of a committee gossip. */
export class CommitteeMessage extends struct("CommitteeMessage", {
  epoch: omitEmpty(u64),
  proposal: named("Proposal", optional(Proposal)),
}) {}

/** Most messages of the next epoch that wait for it. */
const MAX_EARLY = 32;

interface Early {
  readonly message: CommitteeMessage;
  readonly from: Uint8Array;
}

export interface CommitteeTopicOptions {
  readonly p2p: P2pHost;
  readonly chainContext: string;
  readonly runtimeId: Uint8Array;
  readonly signing: RoundSigning;
  readonly proposals: ProposalQueue;
  /** Told of every proposal with a valid signature. */
  readonly seen: (proposal: Proposal) => void;
  /** Told when a proposal was added. */
  readonly added: () => void;
}

/** The gossip of a committee: sends the own proposals and checks those of others (node workers: gossip checks). */
export class CommitteeTopic {
  private readonly topic: JoinedTopic;
  private committee: CommitteeView | undefined;
  private early: Early[] = [];

  constructor(private readonly options: CommitteeTopicOptions) {
    const { p2p, chainContext, runtimeId } = options;
    this.topic = p2p.join(topicId(chainContext, "committee", runtimeId), (data, from) => this.receive(data, from));
  }

  /** From now on messages of this committee count. */
  update(committee: CommitteeView | undefined): void {
    this.committee = committee;
    const waiting = this.early;
    this.early = [];
    for (const { message, from } of waiting) this.handle(message, from);
  }

  publish(epoch: bigint, proposal: Proposal): void {
    this.topic.publish(CommitteeMessage.encode({ epoch, proposal }));
  }

  leave(): void {
    this.topic.leave();
  }

  private receive(data: Uint8Array, from: Uint8Array): Verdict {
    try {
      return this.handle(CommitteeMessage.decode(data, "rpc"), from);
    } catch (error) {
      if (error instanceof DecodeError) return "reject";
      throw error;
    }
  }

  private handle(message: CommitteeMessage, from: Uint8Array): Verdict {
    const { committee } = this;
    // Others may be ahead by an epoch: what they send becomes valid when the news arrives here too.
    if (committee === undefined || message.epoch === committee.epoch + 1n) return this.keep({ message, from });
    if (message.epoch !== committee.epoch || !committee.hasPeer(from)) return "reject";
    const { proposal } = message;
    if (proposal === undefined) return "reject";
    const rank = committee.rankOf(proposal.header.round, proposal.nodeId);
    if (rank === undefined || !this.options.signing.isValid(proposal)) return "reject";
    this.options.seen(proposal);
    if (!this.options.proposals.add({ proposal, rank })) return "ignore";
    this.options.added();
    return "accept";
  }

  private keep(early: Early): Verdict {
    if (this.early.length >= MAX_EARLY) return "ignore";
    this.early.push(early);
    return "accept";
  }
}
