import { addressFromPublicKey } from "#common/address.js";
import { CodedError } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import { hash } from "#common/hash.js";
import { utf8 } from "#common/bytes.js";
import {
  BlockScope,
  type CommitVote,
  Context,
  type ContextMode,
  type DebugSwitches,
  type Environment,
} from "#consensus/app/context.js";
import type { Service } from "#consensus/app/define-service.js";
import { deliver, type Subscription } from "#consensus/app/dispatch.js";
import { acceptancePolicy } from "#consensus/app/acceptance.js";
import { Router } from "#consensus/app/execute.js";
import { ConsensusParameters } from "#consensus/app/parameters.js";
import { subcallSubscription } from "#consensus/app/subcall.js";
import type { Topic } from "#consensus/app/topics.js";
import { parameters, StakingParameters } from "#consensus/services/staking/params.js";
import { getAccount, setAccount, totalSupply } from "#consensus/services/staking/state/index.js";
import type { Account } from "#consensus/services/staking/types/index.js";
import { FREE_GAS } from "#consensus/transaction/gas.js";
import type { Fee } from "#consensus/transaction/transaction.js";
import { Tree } from "#mkvs/tree/tree.js";

/** A public key that stands for an account; nothing is signed here. */
export function key(name: string): Uint8Array {
  return hash(utf8(name));
}

/** The address of an account by its name. */
export function address(name: string): Uint8Array {
  return addressFromPublicKey(key(name));
}

/** How a transaction ended: "ok" or module/code, with what it left behind. */
export interface Said {
  readonly said: string;
  readonly ctx: Context;
  /** Kinds of its events, in order. */
  readonly kinds: readonly string[];
}

export interface CallOptions {
  readonly mode?: ContextMode;
  readonly fee?: Fee;
  readonly nonce?: bigint;
  readonly minGasPrice?: bigint;
}

const MUCH_GAS: Fee = { amount: 0n, gas: 1_000_000n };

/** Parameters of a network in which everything is allowed and free. */
export function easyParameters(): StakingParameters {
  const params = StakingParameters.zero();
  for (let kind = 0; kind <= 6; kind++) params.thresholds.set(kind, 0n);
  params.maxAllowances = 4;
  params.feeSplitWeightPropose = 2n;
  params.feeSplitWeightVote = 1n;
  params.feeSplitWeightNextPropose = 1n;
  return params;
}

/** One state with some services on it, and a clock that is moved by hand. */
export class Bench {
  readonly state = new Tree({ writeLog: false });
  epoch = 5n;
  previousEpoch = 5n;
  height = 10n;
  /** Switches of a development network. */
  debug: DebugSwitches = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };
  private readonly env: Environment;
  private readonly router: Router;
  private readonly subscriptions: readonly { service: Service | undefined; subscription: Subscription }[];
  private block = this.newBlock();
  private localMinGasPrice = 0n;

  constructor(
    private readonly services: readonly Service[],
    more: readonly Subscription[] = [],
  ) {
    this.router = new Router(services);
    this.subscriptions = [
      ...[subcallSubscription(this.router), ...more].map((subscription) => ({ service: undefined, subscription })),
      ...services.flatMap((service) => (service.messages ?? []).map((subscription) => ({ service, subscription }))),
    ];
    this.env = this.environment();
    parameters.set(this.state, easyParameters());
    totalSupply.set(this.state, 1_000_000n);
  }

  private environment(): Environment {
    const committed = new Tree();
    const height = (): bigint => this.height - 1n;
    const price = (): bigint => this.localMinGasPrice;
    const debug = (): DebugSwitches => this.debug;
    return {
      get stateHeight() {
        return height();
      },
      get localMinGasPrice() {
        return price();
      },
      initialHeight: 1n,
      baseEpoch: 0n,
      lastAppHash: new Uint8Array(0),
      chainContext: "",
      parameters: ConsensusParameters.zero(),
      committed,
      get debug() {
        return debug();
      },
      get policy() {
        return acceptancePolicy(debug());
      },
      isOwnSigner: () => false,
      checked: () => undefined,
      epochs: {
        epoch: (state) => (state === committed ? this.previousEpoch : this.epoch),
        future: () => undefined,
      },
      publish: <Q, R>(ctx: Context, topic: Topic<Q, R>, message: Q): R | undefined => {
        const subscribers = this.subscriptions
          .filter(({ subscription }) => (subscription.topic as unknown) === topic)
          .map(({ service, subscription }) => ({
            handle: subscription.handle,
            enabled: (c: Context) => service?.enabled?.(c) ?? true,
          }));
        return deliver(ctx, subscribers, message) as R | undefined;
      },
    };
  }

  newBlock(proposer = new Uint8Array(20), votes: readonly CommitVote[] = []): BlockScope {
    this.block = new BlockScope(proposer, votes, [], FREE_GAS, false);
    return this.block;
  }

  /** A context of a phase; of a transaction when a caller is named. */
  context(mode: ContextMode, caller?: string): Context {
    const now = { seconds: 0n, nanos: 0 };
    const ctx = new Context(mode, this.env, this.state, this.block, this.height - 1n, now, FREE_GAS);
    if (caller !== undefined) ctx.setSigner(key(caller), address(caller));
    return ctx;
  }

  /** Authenticates and runs a transaction with a nonce that fits. */
  call<B>(caller: string, method: string, schema: Schema<B>, body: B, options: CallOptions = {}): Said {
    return this.callRaw(caller, method, schema.encode(body), options);
  }

  callRaw(caller: string, method: string, body: Uint8Array, options: CallOptions = {}): Said {
    const { mode = "deliverTx", fee = MUCH_GAS } = options;
    const nonce = options.nonce ?? getAccount(this.state, address(caller)).general.nonce;
    this.localMinGasPrice = options.minGasPrice ?? 0n;
    const ctx = this.context(mode, caller);
    const tx = { nonce, fee, method, body };
    return this.attempt(ctx, () => {
      this.router.auth?.authenticate(ctx, tx);
      this.router.resolve(ctx, method).method.run(ctx, body);
      if (ctx.isCheckTx) this.router.auth?.afterCheck(ctx, tx);
    });
  }

  /** Runs something that may end with a protocol error. */
  attempt(ctx: Context, action: () => void): Said {
    let said = "ok";
    try {
      action();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      said = `${error.module}/${error.code}`;
    }
    return { said, ctx, kinds: ctx.emitted.map((event) => event.attributes[0]?.key ?? "") };
  }

  /** Publishes a message in a block phase, on behalf of an account if one is named. */
  publish<Q, R>(
    topic: Topic<Q, R>,
    message: Q,
    mode: ContextMode = "endBlock",
    caller?: string,
  ): Said & { answer?: R } {
    const ctx = this.context(mode, caller);
    let answer: R | undefined;
    const said = this.attempt(ctx, () => {
      answer = ctx.publish(topic, message);
    });
    return answer === undefined ? said : { ...said, answer };
  }

  /** Runs a phase of all services. */
  phase(mode: "beginBlock" | "endBlock"): Said {
    const ctx = this.context(mode);
    for (const service of this.services) service[mode]?.(ctx);
    return { said: "ok", ctx, kinds: ctx.emitted.map((event) => event.attributes[0]?.key ?? "") };
  }

  /** Begins an epoch: the next phases see it as new. */
  enterEpoch(epoch: bigint): void {
    this.previousEpoch = this.epoch;
    this.epoch = epoch;
    this.height += 10n;
    this.newBlock();
  }

  account(name: string): Account {
    return getAccount(this.state, address(name));
  }

  change(name: string, change: (account: Account) => void): void {
    const account = this.account(name);
    change(account);
    setAccount(this.state, address(name), account);
  }

  fund(name: string, balance: bigint): void {
    this.change(name, (account) => {
      account.general.balance = balance;
    });
  }

  parameters(change: (params: StakingParameters) => void): void {
    // What the state hands out is shared.
    const params = StakingParameters.decode(StakingParameters.encode(parameters.load(this.state)));
    change(params);
    parameters.set(this.state, params);
  }
}
