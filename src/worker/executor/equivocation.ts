import { toHex } from "#common/bytes.js";
import type { ExecutorCommitment, Evidence, Proposal } from "#consensus/services/roothash/types.js";

/** Most signed words that are remembered: a few rounds of a large committee. */
const MAX_REMEMBERED = 4096;
/** Rounds for which words are remembered after their end: a second one may come late. */
const ROUNDS_KEPT = 8n;

/** Says what is wrong with a piece of evidence, or undefined when it will convince the chain. */
export type EvidenceCheck = (evidence: Evidence) => string | undefined;

interface Remembered<T> {
  readonly round: bigint;
  readonly word: T;
}

/**
 * Notices members that sign two different things for one round. What comes from the pool is not verified; it need not
 * be, because only pairs that differ are looked at, and those completely.
 */
export class EquivocationWatch {
  private readonly proposals = new Map<string, Remembered<Proposal>>();
  private readonly commitments = new Map<string, Remembered<ExecutorCommitment>>();

  constructor(
    private readonly runtimeId: Uint8Array,
    private readonly problem: EvidenceCheck,
  ) {}

  /** Looks at a proposal with a valid signature. Returns evidence if the node has signed another one. */
  seeProposal(proposal: Proposal): Evidence | undefined {
    const { round } = proposal.header;
    const word: Proposal = { ...proposal, batch: [] };
    const before = remember(this.proposals, `${round}/${toHex(proposal.nodeId)}`, { round, word });
    if (before === undefined) return undefined;
    return this.convincing({
      id: this.runtimeId,
      equivocationExecutor: undefined,
      equivocationProposal: { proposalA: before.word, proposalB: word },
    });
  }

  /** Looks at a commitment of a member. Returns evidence if the node has signed another one for the same proposal. */
  seeCommitment(commitment: ExecutorCommitment): Evidence | undefined {
    const { header, schedulerId } = commitment.header;
    const { round } = header;
    // Evidence is about the signed header alone.
    const word: ExecutorCommitment = { ...commitment, messages: [], storageSigs: undefined };
    const key = `${round}/${toHex(schedulerId)}/${toHex(commitment.nodeId)}`;
    const before = remember(this.commitments, key, { round, word });
    if (before === undefined || toHex(before.word.signature) === toHex(word.signature)) return undefined;
    const evidence = this.convincing({
      id: this.runtimeId,
      equivocationExecutor: { commitA: before.word, commitB: word },
      equivocationProposal: undefined,
    });
    // Whoever was first may have been an impostor: the last word is remembered, so that a true pair is found in the end.
    if (evidence === undefined) this.commitments.set(key, { round, word });
    return evidence;
  }

  /** Forgets what is too old to be contradicted. @param round that is being built */
  prune(round: bigint): void {
    for (const words of [this.proposals, this.commitments]) {
      for (const [key, remembered] of words) if (remembered.round + ROUNDS_KEPT < round) words.delete(key);
    }
  }

  private convincing(evidence: Evidence): Evidence | undefined {
    return this.problem(evidence) === undefined ? evidence : undefined;
  }
}

/** Keeps the first word of a key. Returns it when there was one. */
function remember<T>(words: Map<string, Remembered<T>>, key: string, word: Remembered<T>): Remembered<T> | undefined {
  const before = words.get(key);
  if (before === undefined && words.size < MAX_REMEMBERED) words.set(key, word);
  return before;
}
