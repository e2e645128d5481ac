/**
 * A ledger of tokens that come from the consensus layer and go back to it.
 *
 * Deposits come in two ways: tokens that travel with an incoming message, and tokens that the runtime withdraws from an
 * account that has allowed it. Withdrawals leave as transfers of the runtime's own account. What became of a message is
 * known one round later: only then is a deposit credited, and a withdrawal that failed is given back.
 */
import {
  Address,
  addressFromPublicKey,
  addressPart,
  type BatchContext,
  type CallContext,
  cell,
  defineEvent,
  defineRuntime,
  messages,
  method,
  noArguments,
  openSignedCall,
  Quantity,
  refuse,
  resultHandler,
  struct,
  table,
  TransferResult,
  u32,
  text,
  WithdrawResult,
} from "qanat/runtime";

export class Amount extends struct("Amount", { amount: Quantity }) {}
export class Payment extends struct("Payment", { to: Address, amount: Quantity }) {}
export class Owner extends struct("Owner", { account: Address }) {}
/** What the ledger owes to all accounts, and what the runtime's account holds. */
export class Solvency extends struct("Solvency", { owed: Quantity, held: Quantity }) {}

/** A change of one account's balance. */
export class Booking extends struct("Booking", { account: Address, amount: Quantity }) {}
export class Failure extends struct("Failure", { booking: Booking, module: text({ max: 256 }), code: u32 }) {}
export class Transferred extends struct("Transferred", { from: Address, to: Address, amount: Quantity }) {}

export const events = {
  transferred: defineEvent("ledger.transferred", Transferred),
  deposited: defineEvent("ledger.deposited", Booking),
  depositFailed: defineEvent("ledger.deposit-failed", Failure),
  withdrawn: defineEvent("ledger.withdrawn", Booking),
  refunded: defineEvent("ledger.refunded", Failure),
};

/** By address of the consensus layer: whoever has an account there has one here, with the same key. */
const balances = table(0x01, [addressPart], Quantity);
/** Sum of all balances. */
const owed = cell(0x02, Quantity);

type Context = BatchContext | CallContext;

function setBalance({ state }: Context, account: Uint8Array, change: bigint): void {
  const balance = (balances.get(state, account) ?? 0n) + change;
  if (balance < 0n) refuse("insufficient balance");
  if (balance === 0n) balances.remove(state, account);
  else balances.set(state, [account], balance);
  owed.set(state, (owed.get(state) ?? 0n) + change);
}

const caller = (ctx: CallContext): Uint8Array => addressFromPublicKey(ctx.sender);
const positive = (amount: bigint): unknown => amount > 0n || refuse("amount must be positive");

const transfer = method({
  args: Payment,
  result: noArguments,
  check: (_, { amount }) => positive(amount),
  execute(ctx, { to, amount }) {
    const from = caller(ctx);
    setBalance(ctx, from, -amount);
    setBalance(ctx, to, amount);
    ctx.emitEvent(events.transferred, { from, to, amount });
    return null;
  },
});

const depositSettled = resultHandler({
  name: "deposit",
  result: WithdrawResult,
  data: Booking,
  execute(ctx, outcome, booking) {
    if (outcome.ok) {
      setBalance(ctx, booking.account, booking.amount);
      ctx.emitEvent(events.deposited, booking);
    } else ctx.emitEvent(events.depositFailed, { booking, module: outcome.module, code: outcome.code });
  },
});

/** Takes tokens that the caller has allowed the runtime's account to withdraw. */
const deposit = method({
  args: Amount,
  result: noArguments,
  check: (_, { amount }) => positive(amount),
  execute(ctx, { amount }) {
    const account = caller(ctx);
    ctx.send(messages.withdraw({ from: account, amount }), depositSettled, { account, amount });
    return null;
  },
});

const withdrawalSettled = resultHandler({
  name: "withdrawal",
  result: TransferResult,
  data: Booking,
  execute(ctx, outcome, booking) {
    if (outcome.ok) {
      ctx.emitEvent(events.withdrawn, booking);
      return;
    }
    setBalance(ctx, booking.account, booking.amount);
    ctx.emitEvent(events.refunded, { booking, module: outcome.module, code: outcome.code });
  },
});

/** Sends tokens to an account of the consensus layer. They are taken at once, so that nobody can spend them twice. */
const withdraw = method({
  args: Payment,
  result: noArguments,
  check: (_, { amount }) => positive(amount),
  execute(ctx, { to, amount }) {
    const account = caller(ctx);
    setBalance(ctx, account, -amount);
    ctx.send(messages.transfer({ to, amount }), withdrawalSettled, { account, amount });
    return null;
  },
});

export const tokenLedger = defineRuntime({
  version: { major: 0, minor: 0, patch: 0 },
  module: "ledger",
  decodeCall: openSignedCall,
  resultHandlers: [depositSettled, withdrawalSettled],
  /** The tokens are on the runtime's account already: they must be somebody's whatever else the message says. */
  incoming(ctx, { caller: sender, fee, tokens, data }) {
    const account = data.length === sender.length ? data : sender;
    const amount = fee + tokens;
    if (amount === 0n) return;
    setBalance(ctx, account, amount);
    ctx.emitEvent(events.deposited, { account, amount });
  },
  methods: { transfer, deposit, withdraw },
  queries: {
    balance: method({
      args: Owner,
      result: Quantity,
      execute: ({ state }, { account }) => balances.get(state, account) ?? 0n,
    }),
    /** The consensus layer is seen as it was before the last block: what holds once nothing is on its way. */
    solvency: method({
      args: noArguments,
      result: Solvency,
      execute: ({ state, consensus, runtimeId }) => ({
        owed: owed.get(state) ?? 0n,
        held: consensus.runtimeBalance(runtimeId),
      }),
    }),
  },
});
