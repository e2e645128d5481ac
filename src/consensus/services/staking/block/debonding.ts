/** End of debonding (staking: debonding release). */
import { equalBytes } from "#common/bytes.js";
import type { Context } from "../../../app/context.js";
import { escrowReclaimed } from "../events.js";
import { expiredDebondings, getAccount, redeem, removeDebonding, setAccount } from "../state/index.js";

/** Pays everything out whose debonding has ended by an epoch. */
export function releaseDebonded(ctx: Context, epoch: bigint): void {
  for (const { delegator, escrow, epoch: end, delegation } of expiredDebondings(ctx.state, epoch)) {
    const { shares } = delegation;
    const owner = getAccount(ctx.state, delegator);
    const own = equalBytes(delegator, escrow);
    const account = own ? owner : getAccount(ctx.state, escrow);
    const amount = redeem(account.escrow.debonding, delegation, shares);
    owner.general.balance += amount;
    removeDebonding(ctx.state, delegator, escrow, end);
    setAccount(ctx.state, delegator, owner);
    if (!own) setAccount(ctx.state, escrow, account);
    ctx.emit(escrowReclaimed, { owner: delegator, escrow, amount, shares });
  }
}
