/**
 * An oracle: whoever has a question sends it through the consensus layer, with a reward; whoever has stake there may
 * answer; the median becomes the answer, and those who answered share the reward.
 *
 * Its reporters need not be people: reporter.ts is off-chain logic that answers.
 *
 * It shows incoming messages, reads of the consensus layer's state, messages that are sent when there is room for them,
 * and payments that are tried again when they fail.
 */
import {
  Address,
  addressFromPublicKey,
  addressPart,
  type BatchContext,
  bytes,
  defineEvent,
  defineRuntime,
  messages,
  method,
  noArguments,
  nullable,
  omitEmpty,
  openSignedCall,
  Quantity,
  refuse,
  resultHandler,
  struct,
  table,
  TransferResult,
  u8,
  u64,
  u64Part,
} from "qanat/runtime";

/** Reports that answer a question. */
const REPORTS = 3;
/** Rounds after which a question is answered with what has been reported, or given up. */
const PATIENCE = 20n;
/** Stake that a reporter must have in escrow, in base units. */
const MIN_STAKE = 1_000_000_000n;
/** Bytes of a question that are kept. */
const MAX_SUBJECT = 1024;
/** How often a payment is tried. */
const ATTEMPTS = 3;

export class Question extends struct("Question", {
  asker: Address,
  reward: omitEmpty(Quantity),
  subject: bytes({ max: MAX_SUBJECT }),
  deadline: u64,
}) {}
export class Report extends struct("Report", { question: u64, value: u64 }) {}
export class QuestionId extends struct("QuestionId", { question: u64 }) {}
export class Answer extends struct("Answer", { question: u64, value: u64, reports: u8 }) {}
/** Tokens that the oracle owes. */
export class Payment extends struct("Payment", { to: Address, amount: Quantity, attempts: u8 }) {}

export const events = {
  asked: defineEvent("oracle.asked", QuestionId),
  answered: defineEvent("oracle.answered", Answer),
  givenUp: defineEvent("oracle.given-up", QuestionId),
  paid: defineEvent("oracle.paid", Payment),
  unpaid: defineEvent("oracle.unpaid", Payment),
};

/** Questions without an answer, by the number of the message that they came with. */
export const questions = table(0x01, [u64Part], Question);
const reports = table(0x02, [u64Part, addressPart], u64);
const answers = table(0x03, [u64Part], Answer);
/** Payments that have not been sent yet, in the order in which they are due. */
const due = table(0x04, [u64Part], Payment);

function owe({ state }: BatchContext, payment: Payment): void {
  const last = due.entries(state).at(-1);
  due.set(state, [last === undefined ? 0n : last[0][0] + 1n], payment);
}

const paid = resultHandler({
  name: "payment",
  result: TransferResult,
  data: Payment,
  execute(ctx, outcome, payment) {
    const attempts = payment.attempts + 1;
    if (outcome.ok) ctx.emitEvent(events.paid, payment);
    else if (attempts < ATTEMPTS) owe(ctx, { ...payment, attempts });
    else ctx.emitEvent(events.unpaid, payment);
  },
});

/** Sends what is due, as far as the round has room for messages. */
function pay(ctx: BatchContext): void {
  for (const [[number], payment] of due.entries(ctx.state)) {
    if (ctx.roomForMessages === 0) return;
    due.remove(ctx.state, number);
    ctx.send(messages.transfer({ to: payment.to, amount: payment.amount }), paid, payment);
  }
}

function median(values: readonly bigint[]): bigint {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : 1));
  return sorted[(sorted.length - 1) >> 1] ?? 0n;
}

function settle(ctx: BatchContext, question: bigint, { asker, reward }: Question): void {
  const { state } = ctx;
  const given = reports.entries(state, question);
  questions.remove(state, question);
  if (given.length === 0) {
    if (reward > 0n) owe(ctx, { to: asker, amount: reward, attempts: 0 });
    ctx.emitEvent(events.givenUp, { question });
    return;
  }
  const answer = { question, value: median(given.map(([, value]) => value)), reports: given.length };
  answers.set(state, [question], answer);
  ctx.emitEvent(events.answered, answer);
  const share = reward / BigInt(given.length);
  for (const [[, reporter]] of given) {
    reports.remove(state, question, reporter);
    if (share > 0n) owe(ctx, { to: reporter, amount: share, attempts: 0 });
  }
}

const report = method({
  args: Report,
  result: noArguments,
  check({ state, consensus, sender }, { question }) {
    const reporter = addressFromPublicKey(sender);
    if (!questions.has(state, question)) refuse("no such question");
    if (reports.has(state, question, reporter)) refuse("reported already");
    if (consensus.account(reporter).escrow.active.balance < MIN_STAKE) refuse("not enough stake");
  },
  execute({ state, sender }, { question, value }) {
    reports.set(state, [question, addressFromPublicKey(sender)], value);
    return null;
  },
});

export const oracle = defineRuntime({
  version: { major: 0, minor: 0, patch: 0 },
  module: "oracle",
  decodeCall: openSignedCall,
  resultHandlers: [paid],
  incoming(ctx, { id, caller, tokens, data }) {
    const subject = data.slice(0, MAX_SUBJECT);
    questions.set(ctx.state, [id], { asker: caller, reward: tokens, subject, deadline: ctx.round + PATIENCE });
    ctx.emitEvent(events.asked, { question: id });
  },
  methods: { report },
  endBlock(ctx) {
    for (const [[id], question] of questions.entries(ctx.state)) {
      const complete = reports.entries(ctx.state, id).length >= REPORTS;
      if (complete || ctx.round >= question.deadline) settle(ctx, id, question);
    }
    pay(ctx);
  },
  queries: {
    answer: method({
      args: QuestionId,
      result: nullable(Answer),
      execute: ({ state }, { question }) => answers.get(state, question) ?? null,
    }),
  },
});
