import { toHex } from "#common/bytes.js";
import type { GenesisHooks } from "../../app/define-service.js";
import { runtimeList, suspendedRuntimeList } from "../registry/state.js";
import type { StakingGenesis } from "../staking/types/genesis.js";
import { CHALLENGE_DEPOSITS } from "./block/challenges.js";
import { createRuntimeState } from "./block/new-runtime.js";
import { checkParameters, type RootHashGenesis, rootHashParameters } from "./params.js";
import { toGenesis } from "./queries.js";
import { addChallenge } from "./state/challenges.js";

/** Genesis of root hash: the runtimes are those that the registry has put into the state. */
export const genesis: GenesisHooks<RootHashGenesis> = {
  check({ params, runtimeStates, storageChallenges = [] }, document) {
    let deposits = 0n;
    document.attempt("params", () => checkParameters(params, document.debug));
    for (const [id, state] of runtimeStates) {
      if (state === null) document.refuse(`runtime_states.${toHex(id)}`, "must not be null");
    }
    storageChallenges.forEach(({ id, deposit, responseBlocks }, i) => {
      const field = `storage_challenges[${i}]`;
      if (!runtimeStates.has(id)) document.refuse(field, "is for a runtime without state");
      if (responseBlocks < 1n) document.refuse(field, "leaves no time for an answer");
      deposits += deposit;
    });
    const staking = document.section("staking") as StakingGenesis;
    const held = staking.ledger.get(CHALLENGE_DEPOSITS)?.general.balance ?? 0n;
    if (deposits > held) document.refuse("storage_challenges", `deposits of ${deposits}, of which ${held} are held`);
  },

  initChain(ctx, { params, runtimeStates, storageChallenges = [] }, { height }) {
    rootHashParameters.set(ctx.state, params);
    for (const runtime of runtimeList(ctx.state)) {
      createRuntimeState(ctx, runtime, { state: runtimeStates.get(runtime.id) ?? undefined, suspended: false });
    }
    for (const runtime of suspendedRuntimeList(ctx.state)) {
      createRuntimeState(ctx, runtime, { state: runtimeStates.get(runtime.id) ?? undefined, suspended: true });
    }
    for (const value of storageChallenges) {
      // Nobody could answer while there was no chain.
      const open = { ...value, key: undefined, deadline: height + value.responseBlocks };
      addChallenge(ctx.state, open, height + 1n);
    }
  },

  toGenesis: (ctx) => toGenesis(ctx.state),
};
