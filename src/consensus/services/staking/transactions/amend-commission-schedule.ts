import { isReserved } from "#common/address.js";
import { defineTransaction } from "../../../app/define-service.js";
import { epochInState } from "../../../app/epoch.js";
import { stakingErrors } from "../errors.js";
import { amendSchedule } from "../logic/commission.js";
import { GAS_AMEND_COMMISSION_SCHEDULE, gasCosts, parameters } from "../params.js";
import { getAccount, setAccount } from "../state/index.js";
import { AmendCommissionSchedule, THRESHOLD_ENTITY, THRESHOLD_NODE_VALIDATOR } from "../types/index.js";

/** Changes the signer's commission schedule; only who has the stake of a validator may. */
export const amendCommissionSchedule = defineTransaction({
  method: "staking.AmendCommissionSchedule",
  body: AmendCommissionSchedule,
  invalidBody: stakingErrors.invalidArgument,
  gasOp: GAS_AMEND_COMMISSION_SCHEDULE,
  gasCosts,
  inCheckTx: "accept",
  execute(ctx, body) {
    const { thresholds, commissionScheduleRules } = parameters.load(ctx.state);
    const epoch = epochInState(ctx);
    if (isReserved(ctx.caller)) throw stakingErrors.forbidden();
    const account = getAccount(ctx.state, ctx.caller);
    const required = (thresholds.get(THRESHOLD_ENTITY) ?? 0n) + (thresholds.get(THRESHOLD_NODE_VALIDATOR) ?? 0n);
    if (account.escrow.active.balance < required) throw stakingErrors.insufficientStake();
    const { commissionSchedule } = account.escrow;
    account.escrow.commissionSchedule = amendSchedule(
      commissionSchedule,
      body.amendment,
      commissionScheduleRules,
      epoch,
    );
    setAccount(ctx.state, ctx.caller, account);
  },
});
