/** What the service answers to runtimes and to governance (staking: messages). */
import { unknown } from "#common/errors/index.js";
import type { Context } from "../../app/context.js";
import { currentEpoch } from "../../app/epoch.js";
import { parameterChangeSubscriptions } from "../../app/parameter-changes.js";
import { on, type Subscription } from "../../app/dispatch.js";
import { MODULE, stakingErrors } from "./errors.js";
import { pruneAndValidate, raiseToMinimum } from "./logic/commission.js";
import {
  applyChanges,
  checkChanges,
  checkParameters,
  GAS_ADD_ESCROW,
  GAS_RECLAIM_ESCROW,
  GAS_TRANSFER,
  GAS_WITHDRAW,
  gasCosts,
  parameters,
  StakingParameterChanges,
  type StakingParameters,
} from "./params.js";
import { commissionScheduleAddresses, getAccount, setAccount } from "./state/index.js";
import { executeAddEscrow } from "./transactions/add-escrow.js";
import { checkReclaimEscrow, executeReclaimEscrow } from "./transactions/reclaim-escrow.js";
import { executeTransfer } from "./transactions/transfer.js";
import { executeWithdraw } from "./transactions/withdraw.js";
import {
  AddEscrowResult,
  ReclaimEscrowResult,
  runtimeStakingMessage,
  type StakingMessage,
  TransferResult,
  WithdrawResult,
} from "./types/index.js";

/** Charges gas and leaves early in simulation, as for a transaction. */
function charged(ctx: Context, gasOp: string, escrow: boolean, execute: () => Uint8Array): Uint8Array | undefined {
  ctx.gas.use(1n, gasOp, gasCosts(ctx));
  if (escrow && !parameters.load(ctx.state).allowEscrowMessages) throw stakingErrors.forbidden();
  return ctx.isSimulation ? undefined : execute();
}

function answerRuntime(ctx: Context, message: StakingMessage): Uint8Array | undefined {
  const { transfer, withdraw, addEscrow, reclaimEscrow } = message;
  if (reclaimEscrow !== undefined && (transfer ?? withdraw ?? addEscrow) === undefined) {
    checkReclaimEscrow(reclaimEscrow);
  }
  if (ctx.isCheckTx) return undefined;
  if (transfer !== undefined) {
    return charged(ctx, GAS_TRANSFER, false, () => TransferResult.encode(executeTransfer(ctx, transfer)));
  }
  if (withdraw !== undefined) {
    return charged(ctx, GAS_WITHDRAW, false, () => WithdrawResult.encode(executeWithdraw(ctx, withdraw)));
  }
  if (addEscrow !== undefined) {
    return charged(ctx, GAS_ADD_ESCROW, true, () => AddEscrowResult.encode(executeAddEscrow(ctx, addEscrow)));
  }
  if (reclaimEscrow !== undefined) {
    const execute = (): Uint8Array => ReclaimEscrowResult.encode(executeReclaimEscrow(ctx, reclaimEscrow));
    return charged(ctx, GAS_RECLAIM_ESCROW, true, execute);
  }
  throw stakingErrors.invalidArgument();
}

/** A new minimum commission rate raises every schedule that is below it. */
function raiseSchedules(ctx: Context, min: bigint, params: StakingParameters): void {
  const epoch = currentEpoch(ctx);
  for (const address of commissionScheduleAddresses(ctx.state)) {
    const account = getAccount(ctx.state, address);
    const [raised, changed] = raiseToMinimum(account.escrow.commissionSchedule, min);
    if (!changed) continue;
    account.escrow.commissionSchedule = pruneAndValidate(raised, params.commissionScheduleRules, epoch);
    setAccount(ctx.state, address, account);
  }
}

function change(ctx: Context, changes: StakingParameterChanges, apply: boolean): void {
  const current = parameters.get(ctx.state);
  if (current === undefined) throw unknown("staking: no consensus parameters");
  checkChanges(changes);
  const params = applyChanges(current, changes);
  checkParameters(params, ctx.env.debug.dontBlameOasis);
  if (!apply) return;
  if (changes.minCommissionRate !== null) raiseSchedules(ctx, changes.minCommissionRate, params);
  parameters.set(ctx.state, params);
}

export const messages: readonly Subscription[] = [
  on(runtimeStakingMessage, answerRuntime),
  ...parameterChangeSubscriptions({ module: MODULE, schema: StakingParameterChanges, change }),
];
