import { u64be, utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { DecodeError } from "#common/errors/index.js";
import { hash } from "#common/hash.js";
import type { Clock } from "#common/ports/clock.js";
import { type BlockId, consensusAddress, ZERO_BLOCK_ID } from "#consensus/block/block-id.js";
import { BlockIdFlag, type Commit, type CommitSig } from "#consensus/block/commit.js";
import type { Evidence } from "#consensus/block/evidence.js";
import { type Header, headerHash } from "#consensus/block/header.js";
import type { CompleteLightBlock, LightBlock } from "#consensus/block/light-block.js";
import { signVote } from "#consensus/block/signing.js";
import { type Timestamp, timestampFromNanos, timestampToNanos } from "#consensus/block/timestamp.js";
import { type ValidatorSet, validatorSetHash } from "#consensus/block/validator.js";
import { newValidatorSet } from "#consensus/block/validator-set.js";
import { SignedMessageType } from "#consensus/block/vote.js";
import { ProviderError } from "#consensus/light/errors.js";
import type { LightProvider } from "#consensus/light/provider.js";

export const CHAIN = "a".repeat(50);
export const SECOND = 1_000_000_000n;
export const START: Timestamp = { seconds: 1_700_000_000n, nanos: 0 };

const signers = new Map<string, MemorySigner>();

/** The validator of a number. */
export function validator(number: number): MemorySigner {
  const signer = MemorySigner.fromSeed(hash(utf8(`light validator ${number}`)));
  signers.set(consensusAddress(signer.publicKey).join(), signer);
  return signer;
}

/** A set of validators of equal power. */
export function setOf(numbers: readonly number[]): ValidatorSet {
  return newValidatorSet(numbers.map((number) => ({ publicKey: validator(number).publicKey, power: 10n })));
}

/** What a chain is made of; everything but the heights may be bent. */
export interface ChainPlan {
  readonly heights: number;
  /** Numbers of the validators of a height. */
  readonly validators: (height: number) => readonly number[];
  /** Numbers of those who sign a height; all if absent. */
  readonly signed?: (height: number) => readonly number[];
  /** Changes a header before it is signed. */
  readonly bend?: (header: Header) => Header;
  readonly round?: (height: number) => number;
  /** Blocks to go on from; heights that they have are not made again. */
  readonly base?: readonly CompleteLightBlock[];
}

/** The light blocks of a chain from height 1, a second apart. */
export function makeChain(plan: ChainPlan): CompleteLightBlock[] {
  const { heights, validators, signed = validators, bend = (header) => header, round = () => 0 } = plan;
  const blocks = [...(plan.base ?? [])];
  for (let height = blocks.length + 1; height <= heights; height++) {
    const set = setOf(validators(height));
    const header = bend(makeHeader(height, set, setOf(validators(height + 1)), blocks.at(-1)));
    const chosen = new Set(signed(height).map((number) => consensusAddress(validator(number).publicKey).join()));
    blocks.push(seal(header, set, round(height), chosen));
  }
  return blocks;
}

function makeHeader(
  height: number,
  set: ValidatorSet,
  next: ValidatorSet,
  last: CompleteLightBlock | undefined,
): Header {
  const text = (name: string): Uint8Array => hash(utf8(name), u64be(BigInt(height)));
  return {
    version: { block: 11n, app: 1n },
    chainId: CHAIN,
    height: BigInt(height),
    time: timestampFromNanos(timestampToNanos(START) + BigInt(height) * SECOND),
    lastBlockId: last?.commit.blockId ?? ZERO_BLOCK_ID,
    lastCommitHash: text("last commit"),
    dataHash: text("data"),
    validatorsHash: validatorSetHash(set),
    nextValidatorsHash: validatorSetHash(next),
    consensusHash: hash(utf8("parameters")),
    appHash: text("app"),
    lastResultsHash: text("results"),
    evidenceHash: text("evidence"),
    proposerAddress: set.validators[0]?.address ?? new Uint8Array(20),
  };
}

/** A header with the votes of those members of the set whose addresses are chosen. */
export function seal(
  header: Header,
  set: ValidatorSet,
  round: number,
  chosen: ReadonlySet<string>,
): CompleteLightBlock {
  const blockId: BlockId = { hash: headerHash(header), partSetHeader: { total: 1, hash: hash(headerHash(header)) } };
  const signatures = set.validators.map(({ address }, index): CommitSig => {
    const signer = signers.get(address.join());
    if (signer === undefined || !chosen.has(address.join())) return absent();
    const vote = signVote(header.chainId, signer, {
      type: SignedMessageType.precommit,
      height: header.height,
      round,
      blockId,
      timestamp: header.time,
      validatorAddress: address,
      validatorIndex: index,
    });
    return {
      blockIdFlag: BlockIdFlag.commit,
      validatorAddress: address,
      timestamp: header.time,
      signature: vote.signature,
    };
  });
  const commit: Commit = { height: header.height, round, blockId, signatures };
  return { header, commit, validatorSet: set };
}

function absent(): CommitSig {
  const empty = new Uint8Array(0);
  return {
    blockIdFlag: BlockIdFlag.absent,
    validatorAddress: empty,
    timestamp: { seconds: -62_135_596_800n, nanos: 0 },
    signature: empty,
  };
}

export function asLightBlock({ header, commit, validatorSet }: CompleteLightBlock): LightBlock {
  return { signedHeader: { header, commit }, validatorSet };
}

/** Shows the blocks of a list, and keeps account of what it was asked and told. */
export class ListProvider implements LightProvider {
  readonly asked: bigint[] = [];
  readonly evidence: Evidence[] = [];
  /** Set in order to make it unreachable. */
  down = false;

  constructor(
    readonly name: string,
    public blocks: readonly CompleteLightBlock[],
  ) {}

  async lightBlock(height: bigint): Promise<LightBlock> {
    this.asked.push(height);
    if (this.down) throw new ProviderError("no-response", `${this.name} is down`);
    const latest = this.blocks.at(-1)?.header.height ?? 0n;
    if (height > latest) throw new ProviderError("too-high", `${this.name} has ${latest} blocks`);
    const found = this.blocks.find(({ header }) => header.height === (height === 0n ? latest : height));
    if (found === undefined) throw new ProviderError("not-found", `${this.name} has no block ${height}`);
    return asLightBlock(found);
  }

  async reportEvidence(evidence: Evidence): Promise<void> {
    if (this.down) throw new DecodeError("nobody listens");
    this.evidence.push(evidence);
  }
}

/** A clock that stands at a time after the start of the chains; waiting takes no time but is told. */
export class StillClock implements Clock {
  readonly waited: number[] = [];

  constructor(
    public afterSeconds: number,
    private readonly onWait: () => void = () => undefined,
  ) {}

  nowMs(): number {
    return Number(START.seconds) * 1000 + this.afterSeconds * 1000;
  }

  setTimer(ms: number, callback: () => void): { cancel(): void } {
    this.waited.push(ms);
    this.onWait();
    queueMicrotask(callback);
    return { cancel: () => undefined };
  }
}
