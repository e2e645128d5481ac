/** Who may send a transaction and what it costs: the hook that runs before every method (consensus: authenticate). */
import { addressToText, FEE_ACCUMULATOR, isReserved } from "#common/address.js";
import { unknown } from "#common/errors/index.js";
import type { BlockKey, Context } from "../../../app/context.js";
import type { AuthHandler } from "../../../app/define-service.js";
import { transactionErrors } from "../../../transaction/errors.js";
import { CompositeGas, gasPrice, LimitedGas } from "../../../transaction/gas.js";
import type { Fee, Transaction } from "../../../transaction/transaction.js";
import { stakingErrors } from "../errors.js";
import { transferred } from "../events.js";
import { parameters } from "../params.js";
import { getAccount, setAccount } from "../state/index.js";
import type { Account } from "../types/account.js";

const NO_FEE: Fee = { amount: 0n, gas: 0n };
const ALL_GAS = 0xffffffffffffffffn;

/** Fees paid in the block so far. */
export const blockFees: BlockKey<bigint> = { name: "staking: fees", initial: () => 0n };

function authenticate(ctx: Context, tx: Transaction): void {
  if (ctx.isSimulation) {
    ctx.gas = new LimitedGas(ALL_GAS);
    return;
  }
  const fee = tx.fee ?? NO_FEE;
  const signer = ctx.caller;
  if (isReserved(signer)) throw unknown(`using reserved account address ${addressToText(signer)} is prohibited`);
  const account = getAccount(ctx.state, signer);
  if (account.general.nonce !== tx.nonce) throw transactionErrors.invalidNonce();
  if (account.general.balance < fee.amount + parameters.load(ctx.state).minTransactBalance) {
    throw stakingErrors.balanceTooLow();
  }
  const gas = new LimitedGas(fee.gas);
  if (ctx.isCheckTx) {
    ctx.gas = gas;
    const cheap = fee.gas > 0n && gasPrice(fee) < ctx.env.localMinGasPrice;
    if (cheap && !ctx.env.isOwnSigner(signer)) throw transactionErrors.gasPriceTooLow();
    return;
  }
  ctx.block.set(blockFees, ctx.block.get(blockFees) + fee.amount);
  payFee(ctx, signer, account, fee);
  if (fee.amount > 0n) ctx.emit(transferred, { from: signer, to: FEE_ACCUMULATOR, amount: fee.amount });
  ctx.gas = new CompositeGas(gas, ctx.block.gas);
}

function payFee(ctx: Context, signer: Uint8Array, account: Account, fee: Fee): void {
  if (account.general.balance < fee.amount) throw transactionErrors.insufficientFeeBalance();
  account.general.balance -= fee.amount;
  // The nonce advances even if the method fails: else a failing transaction could be replayed for its fee.
  account.general.nonce = BigInt.asUintN(64, account.general.nonce + 1n);
  setAccount(ctx.state, signer, account);
}

/** Checks signer and nonce and takes the fee. */
export const auth: AuthHandler = {
  authenticate,
  // The check state pays only for what passed the check, so that later transactions of the signer can be checked.
  afterCheck: (ctx, tx) => payFee(ctx, ctx.caller, getAccount(ctx.state, ctx.caller), tx.fee ?? NO_FEE),
};
