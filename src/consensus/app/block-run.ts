import { assert } from "#common/assert.js";
import { concatBytes, equalBytes, u64be } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Timestamp } from "#common/schema/index.js";
import type { Tree } from "#mkvs/tree/tree.js";
import { FREE_GAS, LimitedGas } from "../transaction/gas.js";
import type { AbciEvent, TransactionResult, ValidatorUpdate } from "../transaction/results.js";
import {
  BlockScope,
  type CommitVote,
  Context,
  type ContextMode,
  type Environment,
  type Misbehavior,
} from "./context.js";
import type { Service } from "./define-service.js";
import { executeTransaction, type Router } from "./execute.js";
import { InvalidBlock, metadataTransaction, validateSystemTransactions } from "./system-tx.js";
import type { Upgrader } from "./upgrade.js";

/** What the engine tells the state machine about a block. */
export interface BlockInput {
  readonly height: bigint;
  readonly time: Timestamp;
  /** Address of the proposer's consensus key, 20 bytes. */
  readonly proposerAddress: Uint8Array;
  readonly lastCommit: readonly CommitVote[];
  readonly misbehavior: readonly Misbehavior[];
}

/** What executing a block gave. */
export interface BlockOutcome {
  readonly beginEvents: readonly AbciEvent[];
  readonly results: readonly TransactionResult[];
  readonly endEvents: readonly AbciEvent[];
  readonly validatorUpdates: readonly ValidatorUpdate[];
  /** Root of the state after the block: what the next header carries. */
  readonly appHash: Uint8Array;
}

/** Result of the metadata transaction, which runs no service. */
const META_RESULT: TransactionResult = {
  code: 0,
  codespace: "",
  log: "",
  data: Uint8Array.of(0xf6),
  gasWanted: 0n,
  gasUsed: 0n,
  events: [],
};

/** The state machine as a run sees it. */
export interface Machine {
  readonly env: Environment;
  /** Services in execution order. */
  readonly services: readonly Service[];
  readonly router: Router;
  readonly upgrader: Upgrader | undefined;
}

/** Everything that one execution of a block needs; made anew for each attempt, so an attempt can be thrown away. */
export class BlockRun {
  private readonly scope: BlockScope;
  private readonly beginEvents: AbciEvent[] = [];
  private readonly results: TransactionResult[] = [];
  private endEvents: readonly AbciEvent[] = [];
  private validatorUpdates: readonly ValidatorUpdate[] = [];

  constructor(
    private readonly machine: Machine,
    /** Working copy of the state, owned by this run. */
    readonly tree: Tree,
    readonly input: BlockInput,
    private readonly proposing: boolean,
  ) {
    const limit = machine.env.parameters.maxBlockGas;
    const gas = limit > 0n ? new LimitedGas(limit) : FREE_GAS;
    this.scope = new BlockScope(input.proposerAddress, input.lastCommit, input.misbehavior, gas, proposing);
  }

  private context(mode: ContextMode): Context {
    return new Context(
      mode,
      this.machine.env,
      this.tree,
      this.scope,
      this.input.height - 1n,
      this.input.time,
      FREE_GAS,
    );
  }

  private collect(ctx: Context): void {
    this.scope.provable.push(...ctx.provable);
  }

  /** @param initEvents events of genesis, which the first block reports before its own */
  begin(initEvents: readonly AbciEvent[]): void {
    const ctx = this.context("beginBlock");
    const { services, upgrader } = this.machine;
    upgrader?.beginBlock(ctx);
    for (const service of services) service.beginBlock?.(ctx);
    this.beginEvents.push(...initEvents, ...ctx.emitted);
    this.collect(ctx);
  }

  deliver(rawTransaction: Uint8Array): void {
    const ctx = this.context("deliverTx");
    this.results.push(executeTransaction(ctx, this.machine.router, rawTransaction));
    this.collect(ctx);
  }

  end(): void {
    const ctx = this.context("endBlock");
    const { services, upgrader } = this.machine;
    for (const service of services) {
      const updates = service.endBlock?.(ctx);
      if (updates !== undefined) this.validatorUpdates = updates;
    }
    upgrader?.endBlock(ctx);
    this.endEvents = ctx.emitted;
    this.collect(ctx);
  }

  /** Judges what the proposer says about the block. @throws InvalidBlock */
  validate(): void {
    validateSystemTransactions(this.scope, this.tree.rootHash());
  }

  /** Closes a block that this node proposes: the metadata transaction, to be put last. */
  seal(signer: Signer): Uint8Array {
    assert(this.proposing, "only the proposer seals a block");
    const raw = metadataTransaction(signer, this.machine.env.chainContext, this.tree.rootHash(), this.scope);
    this.results.push(META_RESULT);
    return raw;
  }

  outcome(): BlockOutcome {
    return {
      beginEvents: this.beginEvents,
      results: this.results,
      endEvents: this.endEvents,
      validatorUpdates: this.validatorUpdates,
      appHash: this.tree.rootHash(),
    };
  }
}

/** Identity of what a run executed, to tell whether a decided block is the one already executed. */
export function sameTransactions(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((tx, i) => equalBytes(tx, b[i] as Uint8Array));
}

/** Whether two inputs describe the same block. */
export function sameInput(a: BlockInput, b: BlockInput): boolean {
  if (a.height !== b.height || a.time.seconds !== b.time.seconds || a.time.nanos !== b.time.nanos) return false;
  if (!equalBytes(a.proposerAddress, b.proposerAddress)) return false;
  return equalBytes(digest(a), digest(b));
}

function digest(input: BlockInput): Uint8Array {
  const votes = input.lastCommit.map((v) => concatBytes(v.address, Uint8Array.of(v.signed ? 1 : 0)));
  const faults = input.misbehavior.map((m) =>
    concatBytes(m.address, u64be(m.height), Uint8Array.of(m.kind === "duplicate-vote" ? 1 : 2)),
  );
  return concatBytes(...votes, Uint8Array.of(0xff), ...faults);
}

export { InvalidBlock };
