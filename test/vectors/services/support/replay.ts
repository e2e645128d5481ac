import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { equalBytes, fromHex, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Schema } from "#common/schema/index.js";
import type { DebugSwitches, Environment } from "#consensus/app/context.js";
import { BlockScope, Context } from "#consensus/app/context.js";
import type { Service } from "#consensus/app/define-service.js";
import { acceptancePolicy } from "#consensus/app/acceptance.js";
import { Router } from "#consensus/app/execute.js";
import { ConsensusParameters } from "#consensus/app/parameters.js";
import { subcallSubscription } from "#consensus/app/subcall.js";
import { deliver, type Subscription } from "#consensus/app/dispatch.js";
import type { Topic } from "#consensus/app/topics.js";
import { FREE_GAS } from "#consensus/transaction/gas.js";
import { Transaction } from "#consensus/transaction/transaction.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { Tree } from "#mkvs/tree/tree.js";
import { describeVectors } from "../../support/vectors.ts";

interface Write {
  readonly k: string;
  readonly v: string | null;
}
interface RecordedEvent {
  readonly type: string;
  readonly attrs: readonly { readonly key: string; readonly value: string }[];
}
interface RecordedResult {
  readonly ok: boolean;
  readonly module?: string;
  readonly code?: number;
  readonly data?: string;
  readonly gas_wanted?: number;
  readonly gas_used?: number;
}
interface Step {
  readonly name: string;
  readonly kind: "pre" | "init_chain" | "begin_block" | "deliver_tx" | "end_block" | "scheduler_standin";
  readonly app?: string;
  readonly height: number;
  readonly time: number;
  readonly epoch: number;
  readonly epoch_changed: boolean;
  readonly in?: {
    readonly proposer_address?: string;
    readonly votes?: readonly { readonly address: string; readonly signed: boolean }[];
    readonly misbehavior?: readonly { readonly address: string; readonly type: number }[];
    readonly signer?: string;
    readonly tx?: string;
  };
  readonly result?: RecordedResult;
  readonly events?: readonly RecordedEvent[];
  readonly provable_events?: readonly string[];
  readonly state_diff?: readonly Write[];
  readonly state_root: string;
}
type Replay = Readonly<Record<string, unknown>> & {
  readonly chain_context: string;
  readonly consensus_parameters: string;
  readonly steps: readonly Step[];
};

/** A service that takes part in a replay, with the type of its genesis section. */
export interface ReplayedService {
  readonly service: Service;
  readonly genesis: Schema<unknown>;
}

/** Pairs a service with the type of its section. */
export function replayed<G>(service: Service, genesis: Schema<G>): ReplayedService {
  return { service, genesis: genesis as Schema<unknown> };
}

export interface ReplayOptions {
  readonly debug?: DebugSwitches;
  /** What the scheduler's stand-in does besides its recorded writes, e.g. publishing the "before schedule" message. */
  readonly beforeSchedule?: (ctx: Context) => void;
  /** Further subscriptions, which come first. */
  readonly messages?: readonly Subscription[];
  /** Steps to leave out (their recorded writes are applied), with the reason: it is printed. */
  readonly skip?: (step: { readonly name: string; readonly kind: string; readonly app?: string }) => string | undefined;
}

const NO_DEBUG: DebugSwitches = { dontBlameOasis: false, allowTestKeys: false, allowDebugEnclaves: false };

function snapshot(tree: KeyValueReader): Map<string, string> {
  const out = new Map<string, string>();
  const it = tree.iterator();
  for (it.seek(new Uint8Array(0)); it.valid; it.next()) out.set(toHex(it.key), toHex(it.value));
  return out;
}

function difference(before: Map<string, string>, after: Map<string, string>): Write[] {
  const out: Write[] = [];
  for (const [k, v] of after) if (before.get(k) !== v) out.push({ k, v });
  for (const k of before.keys()) if (!after.has(k)) out.push({ k, v: null });
  return out.sort((a, b) => (a.k < b.k ? -1 : 1));
}

/** What one step did, in the form of the recording. */
interface Outcome {
  readonly result?: RecordedResult;
  readonly events: readonly RecordedEvent[];
  readonly provable: readonly string[];
}

class Replayer {
  tree = new Tree({ writeLog: false });
  private readonly env: Environment;
  private readonly subscriptions: readonly { service: Service | undefined; subscription: Subscription }[];
  private step: Step | undefined;
  private scope: BlockScope | undefined;
  private scopeHeight = -1;

  constructor(
    private readonly data: Replay,
    private readonly services: readonly ReplayedService[],
    private readonly options: ReplayOptions,
  ) {
    this.subscriptions = [
      ...[subcallSubscription(new Router(services.map((s) => s.service))), ...(options.messages ?? [])].map(
        (subscription) => ({ service: undefined, subscription }),
      ),
      ...services.flatMap(({ service }) => (service.messages ?? []).map((subscription) => ({ service, subscription }))),
    ];
    this.env = this.environment();
  }

  private current(): Step {
    if (this.step === undefined) throw new TypeError("no step is running");
    return this.step;
  }

  /** The mock of the recordings: one epoch for both epoch reads, set from outside, also in InitChain. */
  private environment(): Environment {
    const current = (): Step => this.current();
    const tree = (): Tree => this.tree;
    const subscriptions = this.subscriptions;
    const committed: KeyValueReader = { get: (key) => tree().get(key), iterator: () => tree().iterator() };
    return {
      get stateHeight() {
        return BigInt(Math.max(1, current().height - 1));
      },
      initialHeight: -1n,
      baseEpoch: 0n,
      lastAppHash: new Uint8Array(0),
      chainContext: this.data.chain_context,
      parameters: ConsensusParameters.decode(fromHex(this.data.consensus_parameters)),
      committed,
      debug: this.options.debug ?? NO_DEBUG,
      policy: acceptancePolicy(this.options.debug ?? NO_DEBUG),
      localMinGasPrice: 0n,
      isOwnSigner: () => false,
      checked: () => undefined,
      epochs: {
        epoch(state) {
          const { epoch, epoch_changed } = current();
          return BigInt(state === committed && epoch_changed ? epoch - 1 : epoch);
        },
        future: () => undefined,
      },
      publish<Q, R>(ctx: Context, topic: Topic<Q, R>, message: Q): R | undefined {
        const subscribers = subscriptions
          .filter(({ subscription }) => (subscription.topic as unknown) === topic)
          .map(({ service, subscription }) => ({
            handle: subscription.handle,
            enabled: (c: Context) => service?.enabled?.(c) ?? true,
          }));
        return deliver(ctx, subscribers, message) as R | undefined;
      },
    };
  }

  private blockScope(step: Step): BlockScope {
    if (this.scope === undefined || this.scopeHeight !== step.height) {
      const { proposer_address = "", votes = [], misbehavior = [] } = step.in ?? {};
      this.scope = new BlockScope(
        // The recordings' unknown proposer has one byte too many for an address.
        fromHex(proposer_address).subarray(0, 20),
        votes.map(({ address, signed }) => ({ address: fromHex(address), signed })),
        misbehavior
          .filter(({ type }) => type === 1 || type === 2)
          .map(({ address, type }) => ({
            kind: type === 1 ? "duplicate-vote" : "light-client-attack",
            address: fromHex(address),
            height: BigInt(step.height - 1),
          })),
        FREE_GAS,
        false,
      );
      this.scopeHeight = step.height;
    }
    return this.scope;
  }

  private context(step: Step): Context {
    const now = { seconds: BigInt(step.time), nanos: 0 };
    const lastHeight = BigInt(step.height - 1);
    const on = (mode: Context["mode"], scope: BlockScope | undefined): Context =>
      new Context(mode, this.env, this.tree, scope, lastHeight, now, FREE_GAS);
    switch (step.kind) {
      case "begin_block":
      case "scheduler_standin":
        return on("beginBlock", this.blockScope(step));
      case "end_block":
        return on("endBlock", this.blockScope(step));
      case "deliver_tx":
        return on("deliverTx", this.blockScope(step));
      default:
        return on("initChain", undefined);
    }
  }

  service(app: string | undefined): Service | undefined {
    return this.services.find(({ service }) => service.appName === app)?.service;
  }

  private section(name: string): unknown {
    const owner = this.services.find(({ service }) => service.name === name);
    const encoded = this.data[`genesis_${name}`];
    if (owner === undefined || typeof encoded !== "string") return undefined;
    return owner.genesis.decode(fromHex(encoded), "rpc");
  }

  private transaction(ctx: Context, step: Step, service: Service | undefined): void {
    const signer = fromHex(step.in?.signer ?? "");
    const tx = Transaction.decode(fromHex(step.in?.tx ?? ""));
    ctx.setSigner(signer, addressFromPublicKey(signer));
    const auth = this.services.find((s) => s.service.auth !== undefined)?.service.auth;
    auth?.authenticate(ctx, tx);
    const method = service?.transactions.find((m) => m.method === tx.method);
    if (service === undefined) return;
    if (method === undefined) throw new TypeError(`${service.name} has no method ${tx.method}`);
    method.run(ctx, tx.body);
  }

  private execute(ctx: Context, step: Step, service: Service): RecordedResult | undefined {
    switch (step.kind) {
      case "init_chain":
        service.genesis?.initChain(ctx, this.section(service.name) as never, {
          height: BigInt(step.height),
          validators: [],
          section: (name) => this.section(name),
        });
        return undefined;
      case "begin_block":
        service.beginBlock?.(ctx);
        return undefined;
      case "end_block":
        service.endBlock?.(ctx);
        return undefined;
      default:
        return this.deliverTx(ctx, step, service);
    }
  }

  private deliverTx(ctx: Context, step: Step, service: Service | undefined): RecordedResult {
    let failure: CodedError | undefined;
    try {
      this.transaction(ctx, step, service);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      failure = error;
    }
    return {
      ok: failure === undefined,
      ...(failure === undefined ? {} : { module: failure.module, code: failure.code, log: failure.message }),
      ...(failure === undefined && step.result?.data !== undefined ? { data: toHex(ctx.data) } : {}),
      gas_wanted: Number(ctx.gas.wanted),
      gas_used: Number(ctx.gas.used),
    };
  }

  /** Runs a step and reports what it did; undefined when it cannot be run here. */
  run(step: Step): Outcome | undefined {
    this.step = step;
    if (step.kind === "pre") return undefined;
    const ctx = this.context(step);
    let result: RecordedResult | undefined;
    if (step.kind === "scheduler_standin") {
      if (this.options.beforeSchedule === undefined) return undefined;
      this.options.beforeSchedule(ctx);
    } else {
      const service = this.service(step.app);
      const left = this.options.skip?.(step) !== undefined;
      if (service === undefined || left) {
        // Fees of a transaction that cannot be run still belong to the block.
        if (step.kind === "deliver_tx") this.deliverTx(ctx, step, undefined);
        return undefined;
      }
      result = this.execute(ctx, step, service);
    }
    return {
      ...(result === undefined ? {} : { result }),
      events: ctx.emitted.map(({ type, attributes }) => ({
        type,
        attrs: attributes.map(({ key, value }) => ({ key, value })),
      })),
      provable: ctx.provable.map(toHex),
    };
  }

  /** Puts the state where the recording says it must be. */
  settle(before: Map<string, string>, step: Step): void {
    const writes = [...difference(snapshot(this.tree), before), ...(step.state_diff ?? [])];
    for (const { k, v } of writes) {
      if (v === null) this.tree.remove(fromHex(k));
      else this.tree.insert(fromHex(k), fromHex(v));
    }
  }
}

/** Keys that the stand-in writes itself: committees, validators, epochs and the beacon. */
function standInWrites({ k }: Write): boolean {
  return k.startsWith("6") || k.startsWith("4");
}

function compare(step: Step, outcome: Outcome, diff: readonly Write[]): void {
  const { ok, module, code, data, gas_wanted, gas_used } = step.result ?? {};
  if (step.result !== undefined) {
    const found = outcome.result;
    const said = `${found?.module ?? ""}/${found?.code ?? 0} ${(found as { log?: string } | undefined)?.log ?? ""}`;
    expect
      .soft(
        [found?.ok, found?.module, found?.code, found?.data, found?.gas_wanted, found?.gas_used],
        `result (${said})`,
      )
      .toEqual([ok, module, code, data, gas_wanted, gas_used]);
  }
  const own = (events: readonly RecordedEvent[]): RecordedEvent[] =>
    events.filter(({ type }) => step.kind !== "scheduler_standin" || !type.endsWith("_scheduler"));
  expect.soft(outcome.events, "events").toEqual(own(step.events ?? []));
  const provable = (step.provable_events ?? []).map((event) => event.slice(event.indexOf(":") + 1));
  expect.soft(outcome.provable, "provable events").toEqual(provable);
  const expected = step.state_diff ?? [];
  if (!isDeepStrictEqual(diff, expected)) expect.soft(diff, "writes").toEqual(expected);
}

/**
 * Declares one test per step of a recorded replay: result, gas, events, provable events, writes and the root of the
 * state. Steps of services that do not take part are skipped visibly and their recorded writes applied. After every
 * step the state is that of the recording, so one wrong step does not spoil the following ones.
 * @param file e.g. "services/staking_replay.json"
 * @param services in order of subscription
 */
export function describeReplay(file: string, services: readonly ReplayedService[], options: ReplayOptions = {}): void {
  describeVectors<Replay>(file, (data) => {
    const replayer = new Replayer(data, services, options);
    data.steps.forEach((step, i) => {
      test(`step ${i}, height ${step.height}: ${step.name}`, ({ skip }) => {
        const before = snapshot(replayer.tree);
        try {
          const outcome = replayer.run(step);
          if (outcome !== undefined) {
            if (step.kind === "scheduler_standin") {
              for (const { k, v } of (step.state_diff ?? []).filter(standInWrites)) {
                if (v === null) replayer.tree.remove(fromHex(k));
                else replayer.tree.insert(fromHex(k), fromHex(v));
              }
            }
            compare(step, outcome, difference(before, snapshot(replayer.tree)));
            expect.soft(toHex(replayer.tree.rootHash()), "state root").toBe(step.state_root);
          } else if (step.kind !== "pre") {
            replayer.settle(before, step);
            skip(options.skip?.(step) ?? `${step.app ?? step.kind} does not take part`);
          }
        } finally {
          replayer.settle(before, step);
        }
        expect(equalBytes(replayer.tree.rootHash(), fromHex(step.state_root)), "recorded root").toBe(true);
      });
    });
  });
}
