import { keyValue } from "@qanat/example-kv";
import { concatBytes, fromUtf8, u32be, utf8 } from "#common/bytes.js";
import { Fault } from "#common/errors/index.js";
import { type Schema, raw } from "#common/schema/index.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { type Message, MessageEvent, type RoundResults } from "#consensus/services/roothash/types.js";
import { Escrow, ReclaimEscrow, Transfer, Withdraw } from "#consensus/services/staking/types/transactions.js";
import {
  type BatchContext,
  type CallContext,
  defineRuntime,
  method,
  noArguments,
  refuse,
  type RuntimeProgram,
  struct,
} from "#runtime/kit/index.js";

/** Keys of messages whose results are awaited begin so. */
const PENDING = 0;
const pendingKey = (index: number): Uint8Array => concatBytes(Uint8Array.of(PENDING), u32be(index));

/** A method that sends one message and remembers what it was. */
function sending<A>(kind: string, args: Schema<A>, message: (args: A) => Message) {
  return method({
    args,
    result: noArguments,
    check: (ctx) => ctx.batch.basis.maxMessages > 0 || refuse("message limit too low"),
    execute(ctx: CallContext, value) {
      ctx.state.insert(pendingKey(ctx.emitMessage(message(value))), utf8(kind));
      return null;
    },
  });
}

class TransferArgs extends struct("Transfer", { transfer: Transfer }) {}
class WithdrawArgs extends struct("Withdraw", { withdraw: Withdraw }) {}
class AddEscrowArgs extends struct("AddEscrow", { escrow: Escrow }) {}
class ReclaimEscrowArgs extends struct("ReclaimEscrow", { reclaimEscrow: ReclaimEscrow }) {}
class UpdateRuntimeArgs extends struct("UpdateRuntime", { updateRuntime: Runtime }) {}

/** Reads of the consensus layer are not part of the kit: its answer here is that of an empty ledger. */
const EMPTY_LEDGER = Uint8Array.of(0x82, 0xa0, 0xa0);

function takeResults(ctx: BatchContext, results: RoundResults): void {
  for (const result of results.messages) {
    const { index, code } = result ?? MessageEvent.zero();
    const kind = ctx.state.removeExisting(pendingKey(index));
    // The reference's test runtime ends its process where a message failed or none was sent.
    if (kind === undefined || code !== 0)
      throw new Fault(`result of message ${index} (${kind && fromUtf8(kind)}): ${code}`);
  }
}

/** A method that needs the key manager, which these tests do not have: its check passes, its calls fail. */
const secret = method({ args: raw, result: noArguments, execute: () => refuse("no key manager") });

/** The names of the methods that cannot be carried out here. */
export const NOT_EXECUTED: ReadonlySet<string> = new Set([
  "consensus_accounts",
  "enc_insert",
  "enc_get",
  "enc_remove",
  "churp_insert",
  "churp_get",
  "churp_remove",
  "encrypt",
  "decrypt",
]);

/** The key-value runtime with what the reference's test runtime can do besides, all but encryption. */
export const simpleKeyValue: RuntimeProgram = defineRuntime({
  ...keyValue,
  // As in the reference's test runtime.
  keepRefused: true,
  methods: {
    ...keyValue.methods,
    ...Object.fromEntries([...NOT_EXECUTED].map((name) => [name, secret])),
    consensus_accounts: method({ args: noArguments, result: raw, execute: () => EMPTY_LEDGER }),
    consensus_transfer: sending("transfer", TransferArgs, ({ transfer }) => ({ staking: { v: 0, transfer } })),
    consensus_withdraw: sending("withdraw", WithdrawArgs, ({ withdraw }) => ({ staking: { v: 0, withdraw } })),
    consensus_add_escrow: sending("add_escrow", AddEscrowArgs, ({ escrow }) => ({
      staking: { v: 0, addEscrow: escrow },
    })),
    consensus_reclaim_escrow: sending("reclaim_escrow", ReclaimEscrowArgs, ({ reclaimEscrow }) => ({
      staking: { v: 0, reclaimEscrow },
    })),
    update_runtime: sending("update_runtime", UpdateRuntimeArgs, ({ updateRuntime }) => ({
      registry: { v: 0, updateRuntime },
    })),
  },
  beginBlock(ctx) {
    if (ctx.roundResults !== null) takeResults(ctx, ctx.roundResults);
    keyValue.beginBlock(ctx);
  },
});
