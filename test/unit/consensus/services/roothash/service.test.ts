import { describe, expect, it } from "vitest";
import { addressFromPublicKey } from "#common/address.js";
import { toHex } from "#common/bytes.js";
import { defineEvent } from "#consensus/app/events.js";
import { applyParameterChanges, validateParameterChanges } from "#consensus/app/parameter-changes.js";
import { loadNodeStatus, setNodeStatus, setRuntime } from "#consensus/services/registry/state.js";
import { runtimeUpdated } from "#consensus/services/registry/events.js";
import { readRuntimeEvent } from "#consensus/services/roothash/events.js";
import { roothash } from "#consensus/services/roothash/index.js";
import { RootHashGenesis, RootHashParameterChanges, rootHashParameters } from "#consensus/services/roothash/params.js";
import * as queries from "#consensus/services/roothash/queries.js";
import { rootHashMethods } from "#consensus/services/roothash/rpc.js";
import { setRuntimeState } from "#consensus/services/roothash/state.js";
import { Event, HEADER_SUSPENDED } from "#consensus/services/roothash/types.js";
import { beforeSchedule } from "#consensus/services/scheduler/events.js";
import { SLASH_RUNTIME_LIVENESS } from "#consensus/services/staking/types/index.js";
import { getAccount } from "#consensus/services/staking/state/index.js";
import { answer, Chain, committee, namespace, runtime, signer } from "./support.ts";

const [a, b] = [signer("a"), signer("b")] as const;
const ID = namespace("runtime");

describe("parameter changes", () => {
  const none = RootHashParameterChanges.zero();
  const propose = (chain: Chain, changes: Partial<RootHashParameterChanges>, apply = true): string => {
    const message = { module: "roothash", changes: RootHashParameterChanges.encode({ ...none, ...changes }) };
    const topic = apply ? applyParameterChanges : validateParameterChanges;
    return answer(() => expect(chain.context("endBlock").publish(topic, message)).toBe(true));
  };

  it("replace what they name and nothing else", () => {
    const chain = new Chain();
    expect(propose(chain, { maxRuntimeMessages: 3 })).toBe("ok");
    expect(queries.parameters(chain.state)).toMatchObject({ maxRuntimeMessages: 3, maxIncomingMessages: 10 });
    expect(propose(chain, { maxEvidenceAge: 1n }, false)).toBe("ok");
    expect(queries.parameters(chain.state).maxEvidenceAge).toBe(20n);
    expect(propose(chain, {})).toBe("unknown/1");
  });

  it("do not pass while debug flags are set outside of development chains", () => {
    const chain = new Chain({ debugBypassStake: true });
    expect(propose(chain, { maxEvidenceAge: 1n })).toBe("unknown/1");
    chain.debug = { ...chain.debug, dontBlameOasis: true };
    expect(propose(chain, { maxEvidenceAge: 1n })).toBe("ok");
  });

  it("make the chain forget the oldest roots when fewer are kept", () => {
    const chain = new Chain({ maxPastRootsStored: 3n });
    chain.register(runtime());
    chain.register(runtime({ id: namespace("other") }));
    const value = chain.runtimeState();
    for (let round = 1n; round <= 5n; round++) {
      const header = { ...value.lastBlock?.header, round } as NonNullable<typeof value.lastBlock>["header"];
      setRuntimeState(chain.state, { ...value, lastBlock: { header } });
    }
    const rounds = (id = ID): bigint[] => Array.from(queries.pastRoundRoots(chain.state, id).keys());
    expect(rounds()).toEqual([3n, 4n, 5n]);
    expect(propose(chain, { maxPastRootsStored: 2n })).toBe("ok");
    expect(rounds()).toEqual([4n, 5n]);
    expect(rounds(namespace("other"))).toEqual([0n]);
    expect(queries.roundRoots(chain.state, ID, 3n)).toBeNull();
    expect(queries.roundRoots(chain.state, ID, 4n)?.map(toHex)).toEqual([
      toHex(value.lastBlock?.header.stateRoot ?? new Uint8Array(0)),
      toHex(value.lastBlock?.header.ioRoot ?? new Uint8Array(0)),
    ]);
    expect(propose(chain, { maxPastRootsStored: 0n })).toBe("ok");
    expect([rounds(), rounds(namespace("other"))]).toEqual([[], []]);
  });
});

describe("descriptors of runtimes", () => {
  it("are refused when they want more messages than the network allows", () => {
    const chain = new Chain({ maxRuntimeMessages: 4, maxIncomingMessages: 5 });
    const update = (maxMessages: number, maxInMessages: number): string => {
      const base = runtime();
      const executor = { ...base.executor, maxMessages };
      const txnScheduler = { ...base.txnScheduler, maxInMessages };
      return answer(() => chain.context("deliverTx").publish(runtimeUpdated, { ...base, executor, txnScheduler }));
    };
    expect([update(4, 5), update(5, 5), update(4, 6)]).toEqual(["ok", "roothash/7", "roothash/13"]);
  });
});

describe("genesis", () => {
  it("starts runtimes of the registry, those with a state of their own from it, and exports what it read", () => {
    const chain = new Chain();
    const [fresh, kept, asleep] = ["fresh", "kept", "asleep"].map((name) => runtime({ id: namespace(name) }));
    if (fresh === undefined || kept === undefined || asleep === undefined) throw new TypeError("three runtimes");
    setRuntime(chain.state, { ...fresh, genesis: { stateRoot: new Uint8Array(32).fill(1), round: 7n } }, false);
    setRuntime(chain.state, kept, false);
    setRuntime(chain.state, asleep, true);
    const section = { ...RootHashGenesis.zero(), params: rootHashParameters.load(chain.state) };
    const result = { module: "staking", code: 3, index: 0, result: Uint8Array.of(0xf6) };
    section.runtimeStates.set(kept.id, { stateRoot: new Uint8Array(32).fill(2), round: 9n, messageResults: [result] });
    section.runtimeStates.set(asleep.id, { stateRoot: new Uint8Array(32).fill(3), round: 4n, messageResults: [] });
    const ctx = chain.context("initChain");
    const document = { height: 10n, validators: [], section: () => undefined };
    roothash.genesis?.initChain(ctx, section as never, document);
    expect(ctx.emitted).toHaveLength(3);
    expect(chain.runtimeState(fresh.id)).toMatchObject({ suspended: true, lastNormalRound: 7n, lastNormalHeight: 10n });
    expect(queries.latestBlock(chain.state, kept.id)?.header).toMatchObject({ round: 9n, headerType: 1 });
    expect(queries.latestBlock(chain.state, asleep.id)?.header.headerType).toBe(HEADER_SUSPENDED);
    expect(queries.lastRoundResults(chain.state, kept.id).messages).toEqual([result]);
    const exported: unknown = roothash.genesis?.toGenesis?.(chain.context("endBlock"));
    section.runtimeStates.set(fresh.id, { stateRoot: new Uint8Array(32).fill(1), round: 7n, messageResults: [] });
    expect(toHex(RootHashGenesis.encode(exported as RootHashGenesis))).toBe(toHex(RootHashGenesis.encode(section)));
  });
});

describe("liveness", () => {
  const slashing = runtime().staking.slashing.clone();
  slashing.set(SLASH_RUNTIME_LIVENESS, { amount: 10n, freezeInterval: 0xffffffffffffffffn });
  const base = runtime();
  const executor = {
    ...base.executor,
    minLiveRoundsPercent: 50,
    maxLivenessFailures: 2,
    minLiveRoundsForEvaluation: 4n,
  };
  const strict = { ...base, executor, staking: { ...base.staking, slashing } };

  function judged(totalRounds: bigint, failures = 0): Chain {
    const chain = new Chain();
    for (const key of [a, b]) {
      chain.addNode(key);
      chain.fund(addressFromPublicKey(key.publicKey), 0n, 100n);
    }
    chain.start(strict, committee([a, b]));
    const statistics = { totalRounds, liveRounds: [2n, 1n], finalizedProposals: [0n, 0n], missedProposals: [0n, 0n] };
    setRuntimeState(chain.state, { ...chain.runtimeState(), livenessStatistics: statistics });
    const status = loadNodeStatus(chain.state, b.publicKey);
    if (failures > 0) status.faults.set(ID, { failures, suspendedUntil: 0n });
    setNodeStatus(chain.state, b.publicKey, status);
    chain.context("beginBlock").publish(beforeSchedule, 7n);
    return chain;
  }

  it("is not judged after too few rounds", () => {
    expect(loadNodeStatus(judged(3n).state, b.publicKey).faults.size).toBe(0);
  });

  it("counts a failure against a worker that was not there for enough rounds", () => {
    const chain = judged(4n);
    expect(loadNodeStatus(chain.state, a.publicKey).faults.size).toBe(0);
    const status = loadNodeStatus(chain.state, b.publicKey);
    expect(status.faults.get(ID)).toEqual({ failures: 1, suspendedUntil: 9n });
    expect(status.freezeEndTime).toBe(0n);
  });

  it("freezes and slashes a worker that failed too often; a freeze that would overflow never ends", () => {
    const chain = judged(4n, 1);
    expect(loadNodeStatus(chain.state, b.publicKey).freezeEndTime).toBe(0xffffffffffffffffn);
    expect(getAccount(chain.state, addressFromPublicKey(b.publicKey)).escrow.active.balance).toBe(90n);
    expect(getAccount(chain.state, addressFromPublicKey(a.publicKey)).escrow.active.balance).toBe(100n);
  });
});

describe("the client API", () => {
  it("has the methods of the service under their names", () => {
    expect(rootHashMethods.service).toBe("RootHash");
    expect(Object.keys(rootHashMethods.methods)).toHaveLength(15);
  });

  it("reads its own events only", () => {
    const other = { type: defineEvent("100_staking", "transfer", Event).type, attributes: [] };
    expect(readRuntimeEvent(other, 1n, new Uint8Array(32))).toBeUndefined();
  });
});
