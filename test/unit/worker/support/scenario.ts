import { expect } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { equalBytes, toHex } from "#common/bytes.js";
import { SortedMap } from "#common/sorted-map.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { ForceElectRole } from "#consensus/services/scheduler/params.js";
import { ByzantineSwitches, type Misconduct } from "#network/byzantine/switches.js";
import { PENALTIES } from "#network/fixture.js";
import { type Incident, IncidentReader } from "#network/incidents.js";
import { type Member, networkMembers, SIZE_WITH_STORAGE } from "#network/topology.js";
import type { Parcel } from "#p2p/memory-network.js";
import { hash } from "#common/hash.js";
import { utf8 } from "#common/bytes.js";
import type { RoundReport } from "#worker/options.js";
import { insertCall, provisionKeyValue, RUNTIME_ID, type TestNetwork, testNetwork } from "./local-network.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Consensus blocks of an epoch: a whole scenario lies in one. */
const EPOCH_BLOCKS = 60n;
/** Who sits where: three workers in the order of their seats, then two backup workers. */
const [FIRST, SECOND, THIRD, ...BACKUPS] = ["compute-0", "compute-1", "compute-2", "compute-3", "compute-4"] as const;
const START_MS = 1_700_000_000_000;

/** Part of a node in the round that goes wrong. */
export type Part =
  | "scheduler"
  | "verifier"
  | "backup"
  | "scheduler and backup"
  | "verifier and backup"
  | "storage"
  | "second storage";

export interface Scenario {
  /** Ways in which nodes misbehave until the transaction is final, by their parts in the first round. */
  readonly culprits: { readonly [part in Part]?: readonly Misconduct[] };
  readonly stragglers?: number;
  /** Whether the runtime demands receipts of storage nodes. */
  readonly receipts?: boolean;
  /** Whether one of the workers is a third backup worker, so that one of them may be missing. */
  readonly thirdBackup?: boolean;
  /** Whether they misbehave in the first round only. */
  readonly once?: boolean;
  /** For how many milliseconds they misbehave; until the transaction is final when absent. */
  readonly forMs?: number;
  /** Compute nodes whose requests to storage nodes are lost as long as somebody misbehaves. */
  readonly cutOff?: readonly string[];
  readonly tune?: (runtime: Runtime) => void;
}

/** What became of it. */
export interface Outcome {
  /** How the round ended that has the transaction, which was submitted while the culprits misbehaved. */
  readonly finalizedBy: string;
  readonly failedRounds: number;
  readonly discrepancies: readonly ("at once" | "timeout")[];
  readonly resolved: number;
  /** Parts of the nodes whose entities were slashed, with the reason; the amounts are checked already. */
  readonly slashed: readonly string[];
  /** Consensus blocks from a discrepancy to its resolution, of the first one. */
  readonly blocksToResolve: number | undefined;
  /** Milliseconds of the network's time until the transaction was final. */
  readonly ms: number;
  /** State after all transactions. */
  readonly stateRoot: string;
}

const AMOUNTS: { readonly [reason: string]: bigint } = {
  "runtime-incorrect-results": PENALTIES.incorrectResults,
  "runtime-equivocation": PENALTIES.equivocation,
  "runtime-liveness": PENALTIES.liveness,
};

function isDouble(part: Part): boolean {
  return part.endsWith("and backup");
}

/** A network in which nodes misbehave for one round, and what became of it. */
class Play {
  private readonly switches = new ByzantineSwitches();
  private readonly clock = new VirtualClock(START_MS);
  private readonly net: TestNetwork;
  private readonly incidents: (Incident & { readonly height: bigint })[] = [];
  private readonly rounds: RoundReport[] = [];
  private readonly names = new Map<Part, string>();
  private nonce = 0n;
  private misbehaving = false;

  constructor(private readonly scenario: Scenario) {
    const { stragglers, tune, culprits } = scenario;
    const double = (Object.keys(culprits) as Part[]).some(isDouble);
    const third = double ? FIRST : scenario.thirdBackup === true ? THIRD : undefined;
    this.net = testNetwork(provisionKeyValue, new Map(), {
      clock: this.clock,
      byzantine: this.switches,
      receipts: scenario.receipts,
      fate: (parcel) => (this.isCutOff(parcel) ? "lost" : 0),
      tune(runtime) {
        const { executor } = runtime;
        executor.allowedStragglers = stragglers ?? 0;
        executor.groupBackupSize = third === undefined ? 2 : 3;
        executor.roundTimeout = 4n;
        executor.minLiveRoundsPercent = 100;
        executor.minLiveRoundsForEvaluation = 1n;
        executor.maxMissedProposalsPercent = 0;
        executor.maxLivenessFailures = 1;
        tune?.(runtime);
      },
      edit(genesis, members) {
        const vrf = genesis.beacon.params.vrfParameters;
        if (vrf !== undefined) vrf.interval = EPOCH_BLOCKS;
        const seats = SortedMap.bytes<ForceElectRole>();
        [FIRST, SECOND, THIRD, ...BACKUPS].forEach((name, index) => {
          const isWorker = index < 3;
          const roles = [...(isWorker ? ["worker"] : []), ...(!isWorker || name === third ? ["backup-worker"] : [])];
          seats.set(nodeKey(members, name), ForceElectRole.fromJson({ kind: "executor", roles, index }));
        });
        const runtimes = SortedMap.bytes<SortedMap<Uint8Array, ForceElectRole>>();
        runtimes.set(RUNTIME_ID, seats);
        genesis.scheduler.params.debugForceElect = runtimes;
      },
    });
    const { backend } = this.net.network;
    const reader = new IncidentReader(backend, RUNTIME_ID);
    backend.onBlock((block) => {
      for (const incident of reader.read(block)) this.incidents.push({ ...incident, height: block.height });
    });
  }

  async run(): Promise<Outcome> {
    const { network } = this.net;
    await network.start();
    await this.submit();
    await this.waitForTurn();
    const { backend } = network;
    const epoch = getEpoch(backend.stateAt(0n));
    const reports = this.follow();
    const submitted = this.clock.nowMs();
    this.misbehave();
    const { round } = await this.submit();
    this.behave();
    const ms = this.clock.nowMs() - submitted;
    const last = await this.submit();
    const stateRoot = toHex(this.net.worker("client-0").client.getBlock(last.round).header.stateRoot);
    expect(getEpoch(backend.stateAt(0n)), "the scenario lies in one epoch").toBe(epoch);
    // Whatever happened, every node has every round in the end.
    await this.net.settled(last.round);
    await this.epochAfter(epoch);
    await network.stop();
    await reports;
    this.clock.stop();
    return this.outcome(round, stateRoot, ms);
  }

  private submit(): Promise<{ round: bigint }> {
    const value = `value ${this.nonce}`;
    return this.net.worker("client-0").client.submitTxMeta(insertCall("alice", this.nonce++, "key", value));
  }

  /** Resolves when the first worker has the turn to schedule, or has not, as the scenario wants it. */
  private async waitForTurn(): Promise<void> {
    const parts = Object.keys(this.scenario.culprits) as Part[];
    const wanted = parts.some((part) => part.startsWith("scheduler"));
    const rounds = this.net.worker("client-0").watchRounds();
    while ((this.net.serving("worker")[0] === FIRST) !== wanted) await rounds.next();
    rounds.close();
  }

  private isCutOff({ kind, name, from }: Parcel): boolean {
    if (!this.misbehaving || kind !== "request" || !name.includes("/storageapply/")) return false;
    const { cutOff = [] } = this.scenario;
    return cutOff.some((node) => equalBytes(this.net.network.node(node).identity.p2p.publicKey, from));
  }

  private misbehave(): void {
    this.misbehaving = true;
    if (this.scenario.forMs !== undefined) this.clock.setTimer(this.scenario.forMs, () => this.behave());
    const nodes: { readonly [part in Part]: string } = {
      scheduler: FIRST,
      verifier: "scheduler" in this.scenario.culprits ? SECOND : FIRST,
      backup: BACKUPS[0],
      "scheduler and backup": FIRST,
      "verifier and backup": FIRST,
      storage: "storage-0",
      "second storage": "storage-1",
    };
    for (const [part, ways] of Object.entries(this.scenario.culprits) as [Part, readonly Misconduct[]][]) {
      this.names.set(part, nodes[part]);
      this.switches.set(nodes[part], ...ways);
    }
  }

  private async follow(): Promise<void> {
    for await (const report of this.net.worker("client-0").watchRounds()) {
      this.rounds.push(report);
      if (this.scenario.once === true) this.behave();
    }
  }

  private behave(): void {
    this.misbehaving = false;
    for (const name of this.switches.nodes) this.switches.set(name);
  }

  private async epochAfter(epoch: bigint): Promise<void> {
    const { backend } = this.net.network;
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await backend.produceUntil(() => getEpoch(backend.stateAt(0n)) > epoch, settle);
  }

  private outcome(round: bigint, stateRoot: string, ms: number): Outcome {
    const of = <T extends Incident["type"]>(type: T) =>
      this.incidents.filter(
        (incident): incident is Extract<Incident, { type: T }> & { height: bigint } => incident.type === type,
      );
    const [discrepancy] = of("discrepancy");
    const resolution = of("resolved").find((resolved) => resolved.round === discrepancy?.round);
    const blocks = discrepancy && resolution && Number(resolution.height - discrepancy.height);
    return {
      finalizedBy: this.rounds.find((report) => report.round === round)?.finalizedBy ?? "nobody",
      failedRounds: this.rounds.filter(({ finalizedBy }) => finalizedBy === "timeout").length,
      discrepancies: of("discrepancy").map(({ timeout }) => (timeout ? "timeout" : "at once")),
      resolved: of("resolved").length,
      slashed: of("slashed").map(({ entity, amount, reason }) => {
        expect(amount).toBe(AMOUNTS[reason]);
        return `${this.partOf(entity)}: ${reason}`;
      }),
      blocksToResolve: blocks,
      ms,
      stateRoot,
    };
  }

  private partOf(entity: Uint8Array): string {
    const members = networkMembers(hash(utf8("worker tests")), SIZE_WITH_STORAGE);
    const found = members.find((member) => equalBytes(addressFromPublicKey(member.entity.publicKey), entity));
    const [part] = Array.from(this.names).find(([, name]) => name === found?.name) ?? [];
    return part ?? `an honest node (${found?.name ?? "unknown"})`;
  }
}

function nodeKey(members: readonly Member[], name: string): Uint8Array {
  const found = members.find((member) => member.name === name);
  expect(found).toBeDefined();
  return (found as Member).identity.node.publicKey;
}

/** Plays a scenario: an honest transaction, one while the culprits misbehave, one more, and the rest of the epoch. */
export function play(scenario: Scenario): Promise<Outcome> {
  return new Play(scenario).run();
}
