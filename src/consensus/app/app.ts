import { CodedError, Fault, InvalidInput } from "#common/errors/index.js";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Timestamp } from "#common/schema/index.js";
import type { NodeDb } from "#mkvs/db/node-db.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { Tree } from "#mkvs/tree/tree.js";
import { FREE_GAS } from "../transaction/gas.js";
import type { AbciEvent, TransactionResult } from "../transaction/results.js";
import type { OpenedTransaction, Transaction } from "../transaction/transaction.js";
import { acceptancePolicy } from "./acceptance.js";
import { type BlockInput, type BlockOutcome, BlockRun, sameInput, sameTransactions } from "./block-run.js";
import { Context, type DebugSwitches, type Environment, type EpochSource } from "./context.js";
import type { Service } from "./define-service.js";
import { checkTransaction, openForPool, openRaw, processTransaction, Router, toCodedError } from "./execute.js";
import type { GenesisInput } from "./genesis-input.js";
import { chainContextCell, type ConsensusParameters, consensusParametersCell } from "./parameters.js";
import { draftBlock } from "./proposal.js";
import { STATE_NAMESPACE, STATE_ROOT } from "./state-root.js";
import { executeSubcall, subcallSubscription } from "./subcall.js";
import { deliver, type Subscriber } from "./dispatch.js";
import { type Topic } from "./topics.js";
import type { StopForUpgrade, Upgrader } from "./upgrade.js";

/** How an application is put together. */
export interface ApplicationOptions {
  /** Services in execution order (InitChain, BeginBlock, EndBlock). */
  readonly services: readonly Service[];
  /** The same services in the order in which they subscribe to messages. */
  readonly subscriptionOrder: readonly Service[];
  readonly db: NodeDb;
  readonly genesis: GenesisInput;
  readonly debug: DebugSwitches;
  /** Carries upgrades out; without it a chain with upgrades stops at the first. */
  readonly upgrader?: Upgrader;
  readonly localMinGasPrice?: bigint;
  readonly isOwnSigner?: (address: Uint8Array) => boolean;
}

interface Pending {
  readonly run: BlockRun;
  readonly txs: readonly Uint8Array[];
  readonly outcome: BlockOutcome;
}

const ZERO_TIME: Timestamp = { seconds: 0n, nanos: 0 };
const GAS_ESTIMATE_LIMIT = 0xffffffffffffffffn;

/**
 * The replicated state machine (consensus: ABCI flow). Everything is synchronous. One block at a time is executed on a
 * working copy of the state; `commit` makes the copy canonical.
 */
export class Application {
  private readonly router: Router;
  private readonly env: Environment;
  private readonly subscribers = new Map<Topic<unknown, unknown>, Subscriber[]>();
  private canonical: Tree;
  private checkTree: Tree;
  private parameters: ConsensusParameters;
  private committedHeight: bigint;
  private blockTime: Timestamp;
  private initEvents: readonly AbciEvent[] = [];
  private checkListeners: readonly ((tx: Transaction) => void)[] = [];
  private pending: Pending | undefined;
  private stop: StopForUpgrade | undefined;
  /** Root of the state that the next block starts from. */
  private root: Uint8Array;

  constructor(private readonly options: ApplicationOptions) {
    this.router = new Router(options.services);
    this.subscribers.set(executeSubcall as Topic<unknown, unknown>, [
      { handle: subcallSubscription(this.router).handle, enabled: () => true },
    ]);
    this.subscribe(options.subscriptionOrder);
    const latest = options.db.latestVersion();
    this.committedHeight = latest === undefined || latest < options.genesis.height ? 0n : latest;
    this.env = this.environment();
    this.parameters = options.genesis.parameters;
    this.blockTime = options.genesis.time;
    if (this.committedHeight === 0n) {
      this.canonical = new Tree({ db: options.db, writeLog: false });
      this.initChain();
      this.root = this.canonical.rootHash();
    } else {
      this.root = this.storedRoot(this.committedHeight);
      this.canonical = this.treeAt(this.committedHeight);
      this.checkChain();
      this.parameters = consensusParametersCell.load(this.canonical);
    }
    this.checkTree = this.canonical.fork();
    if (this.committedHeight > 0n) options.upgrader?.resume(this.canonical);
  }

  private subscribe(order: readonly Service[]): void {
    const always = { messages: this.options.upgrader?.messages ?? [], enabled: undefined };
    for (const service of [...order, always]) {
      for (const { topic, handle } of service.messages ?? []) {
        const enabled = service.enabled ?? (() => true);
        const list = this.subscribers.get(topic) ?? [];
        list.push({ handle, enabled });
        this.subscribers.set(topic, list);
      }
    }
  }

  private environment(): Environment {
    const epochs = this.options.services.find((service) => service.epochs !== undefined)?.epochs as EpochSource;
    const { genesis, debug, localMinGasPrice, isOwnSigner } = this.options;
    const height = (): bigint => this.committedHeight;
    const parameters = (): ConsensusParameters => this.parameters;
    const committed = (): KeyValueReader => this.canonical;
    const lastAppHash = (): Uint8Array => (this.committedHeight === 0n ? new Uint8Array(0) : this.root);
    const { subscribers } = this;
    const listeners = (): readonly ((tx: Transaction) => void)[] => this.checkListeners;
    return {
      get stateHeight() {
        return height();
      },
      get parameters() {
        return parameters();
      },
      get committed() {
        return committed();
      },
      get lastAppHash() {
        return lastAppHash();
      },
      initialHeight: genesis.height,
      baseEpoch: genesis.baseEpoch,
      chainContext: genesis.chainContext,
      debug,
      // What the document says holds for ever: the parameter in the state is not looked at again.
      policy: acceptancePolicy(debug, genesis.parameters.publicKeyBlacklist),
      localMinGasPrice: localMinGasPrice ?? 0n,
      isOwnSigner: isOwnSigner ?? (() => false),
      epochs,
      checked(tx: Transaction): void {
        for (const listener of listeners()) listener(tx);
      },
      publish<Q, R>(ctx: Context, topic: Topic<Q, R>, message: Q): R | undefined {
        const list = subscribers.get(topic as Topic<unknown, unknown>) ?? [];
        return deliver(ctx, list, message) as R | undefined;
      },
    };
  }

  /** A data folder of another chain is refused before anything is written. */
  private checkChain(): void {
    const raw = chainContextCell.get(this.canonical);
    const found = raw === undefined ? "none" : fromUtf8(raw);
    if (found !== this.options.genesis.chainContext) {
      throw new InvalidInput(
        "data",
        `holds chain ${found}, the genesis document is of chain ${this.options.genesis.chainContext}`,
      );
    }
  }

  private initChain(): void {
    const { genesis, services } = this.options;
    const gas = FREE_GAS;
    const ctx = new Context("initChain", this.env, this.canonical, undefined, genesis.height - 1n, genesis.time, gas);
    chainContextCell.set(this.canonical, utf8(genesis.chainContext));
    const section = (name: string): unknown => genesis.section(name);
    const scope = { height: genesis.height, validators: genesis.validators, section };
    for (const service of services) {
      try {
        service.genesis?.initChain(ctx, genesis.section(service.name) as never, scope);
      } catch (error) {
        if (error instanceof CodedError) throw new InvalidInput(service.name, error.message);
        throw error;
      }
    }
    consensusParametersCell.set(this.canonical, genesis.parameters);
    this.initEvents = ctx.emitted;
  }

  private storedRoot(version: bigint): Uint8Array {
    const root = this.options.db.rootsForVersion(version).find((r) => r.type === STATE_ROOT);
    if (root === undefined) throw new Fault(`no state root at height ${version}`);
    return root.hash;
  }

  private treeAt(version: bigint): Tree {
    const root = { namespace: STATE_NAMESPACE, version, type: STATE_ROOT, hash: this.storedRoot(version) };
    return new Tree({ db: this.options.db, root, writeLog: false });
  }

  /** Height of the last committed block (0 before the first). */
  get height(): bigint {
    return this.committedHeight;
  }

  /** Root of the state after the last committed block, or after genesis. */
  get appHash(): Uint8Array {
    return this.root;
  }

  get chainContext(): string {
    return this.options.genesis.chainContext;
  }

  get initialHeight(): bigint {
    return this.options.genesis.height;
  }

  /** The database of all kept states, for whoever proves parts of them. */
  get stateDb(): NodeDb {
    return this.options.db;
  }

  /** Names of all transaction methods. */
  get methods(): readonly string[] {
    return this.router.methods;
  }

  /** Consensus parameters as of the last commit. */
  get consensusParameters(): ConsensusParameters {
    return this.parameters;
  }

  private newRun(input: BlockInput, proposing: boolean): BlockRun {
    if (this.stop !== undefined) throw this.stop;
    const { services, upgrader } = this.options;
    upgrader?.reset();
    const machine = { env: this.env, services, router: this.router, upgrader };
    const run = new BlockRun(machine, this.canonical.fork(), input, proposing);
    run.begin(this.committedHeight === 0n ? this.initEvents : []);
    return run;
  }

  /**
   * Executes candidate transactions as the proposer of a block and closes it with the metadata transaction. Those that
   * no block may hold are left out.
   * @param maxBytes room for transactions in the block, in bytes, metadata excluded
   * @param signer consensus key of the proposer
   * @throws StopForUpgrade when this process cannot make the block
   */
  propose(
    input: BlockInput,
    candidates: readonly Uint8Array[],
    maxBytes: number,
    signer: Signer,
  ): readonly Uint8Array[] {
    const draft = draftBlock(this.env, () => this.newRun(input, true), candidates, maxBytes);
    const { run } = draft;
    run.end();
    const txs = [...draft.txs, run.seal(signer)];
    this.pending = { run, txs, outcome: run.outcome() };
    return txs;
  }

  /**
   * Executes a block that somebody proposed or decided; the outcome of the same block is reused.
   * @throws InvalidBlock when an honest proposer cannot have made it
   * @throws StopForUpgrade when this process cannot make the block
   */
  execute(input: BlockInput, txs: readonly Uint8Array[]): BlockOutcome {
    const known = this.pending;
    if (known !== undefined && sameInput(known.run.input, input) && sameTransactions(known.txs, txs))
      return known.outcome;
    this.pending = undefined;
    const run = this.runThrough(input, txs);
    run.validate();
    const outcome = run.outcome();
    this.pending = { run, txs, outcome };
    return outcome;
  }

  private runThrough(input: BlockInput, txs: readonly Uint8Array[]): BlockRun {
    const run = this.newRun(input, false);
    for (const tx of txs) run.deliver(tx);
    run.end();
    return run;
  }

  /**
   * Executes a block without judging it and without keeping anything: to see what `execute` refused.
   * @throws InvalidBlock when a system transaction of the block cannot even be taken
   */
  examine(input: BlockInput, txs: readonly Uint8Array[]): { outcome: BlockOutcome; state: KeyValueReader } {
    this.pending = undefined;
    const run = this.runThrough(input, txs);
    return { outcome: run.outcome(), state: run.tree };
  }

  /** Makes the executed block canonical: version = height. Returns the app hash. Afterwards `stopped` may be set. */
  commit(): Uint8Array {
    const pending = this.pending;
    if (pending === undefined) throw new Fault("commit without an executed block");
    const { height, time } = pending.run.input;
    const { hash } = pending.run.tree.commit(STATE_NAMESPACE, height);
    this.options.db.finalize([{ namespace: STATE_NAMESPACE, version: height, type: STATE_ROOT, hash }]);
    this.canonical = pending.run.tree;
    this.checkTree = this.canonical.fork();
    this.root = hash;
    this.committedHeight = height;
    this.blockTime = time;
    this.parameters = consensusParametersCell.load(this.canonical);
    this.pending = undefined;
    this.stop = this.options.upgrader?.commit(this.poolContext("checkTx", this.checkTree));
    return hash;
  }

  /** Set when the next block belongs to an upgrade for which the node has to be restarted. */
  get stopped(): StopForUpgrade | undefined {
    return this.stop;
  }

  /** Throws away the executed but uncommitted block. */
  discard(): void {
    this.pending = undefined;
  }

  private poolContext(mode: "checkTx" | "simulate", tree: Tree): Context {
    const lastHeight = this.committedHeight === 0n ? this.initialHeight - 1n : this.committedHeight;
    return new Context(mode, this.env, tree, undefined, lastHeight, this.blockTime ?? ZERO_TIME, FREE_GAS);
  }

  /**
   * Opens a transaction for the pool: size, envelope, signature.
   * @throws CodedError
   */
  openTx(rawTransaction: Uint8Array): OpenedTransaction {
    try {
      return openForPool(this.env, rawTransaction);
    } catch (error) {
      throw toCodedError(error);
    }
  }

  /** The pool's check of a transaction, against the last state and what earlier checks did to nonces and balances. */
  checkTx(rawTransaction: Uint8Array): TransactionResult {
    return this.check(() => openRaw(this.env, rawTransaction), rawTransaction.length);
  }

  /** `checkTx` of a transaction that has been opened before. @param size bytes of the raw transaction */
  checkOpened(opened: OpenedTransaction, size: number): TransactionResult {
    return this.check(() => opened, size);
  }

  private check(open: () => OpenedTransaction, size: number): TransactionResult {
    const ctx = this.poolContext("checkTx", this.checkTree);
    const upgrading = this.stop !== undefined || this.options.upgrader?.hasPendingAt(ctx.height) === true;
    return checkTransaction(ctx, this.router, open, size, upgrading);
  }

  /**
   * Calls back for every transaction that passes the pool's check, again when it is checked again; it may never get
   * into a block. Listeners must not throw.
   * @returns the way to stop that
   */
  onChecked(listener: (tx: Transaction) => void): () => void {
    this.checkListeners = [...this.checkListeners, listener];
    return () => {
      this.checkListeners = this.checkListeners.filter((other) => other !== listener);
    };
  }

  /** Priority of a method in the pool. */
  priorityOf(method: string): bigint {
    return this.router.priorityOf(method);
  }

  /**
   * Gas that a transaction would use; failures during simulation do not count.
   * @param signer public key of the future signer, 32 bytes
   */
  estimateGas(signer: Uint8Array, signerAddress: Uint8Array, tx: Transaction, size: number): bigint {
    const ctx = this.poolContext("simulate", this.canonical.fork());
    ctx.setSigner(signer, signerAddress);
    const fee = { amount: GAS_ESTIMATE_LIMIT, gas: GAS_ESTIMATE_LIMIT };
    try {
      processTransaction(ctx, this.router, { ...tx, fee }, size);
    } catch (error) {
      toCodedError(error);
    }
    return ctx.gas.used;
  }

  /**
   * The state after a block.
   * @param height a retained height; 0 for the latest
   * @throws Fault when the version is not retained
   */
  stateAt(height: bigint): KeyValueReader {
    if (height === 0n || height === this.committedHeight) return this.canonical;
    return this.treeAt(height);
  }

  /** Short description for error texts. */
  describe(): string {
    return `height ${this.committedHeight}, app hash ${toHex(this.root)}`;
  }
}
