import { CodedError } from "#common/errors/index.js";
import type { Log } from "#common/ports/log.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import type { CheckTxResult } from "#runtime/rhp/messages/index.js";
import type { Dispatch } from "../dispatch.js";
import { notQueued } from "./errors.js";

/** How long the runtime may check one batch, in milliseconds. */
const CHECK_DEADLINE_MS = 15_000;

export function rejection(error: CodedError): CheckTxResult {
  const { module, code, message } = error;
  return { error: { module, code, message }, meta: null };
}

/** Has the runtime check transactions against the state of a block. */
export class Checker {
  constructor(
    private readonly host: RuntimeHost,
    private readonly log: Log,
  ) {}

  /**
   * Checks a batch.
   *
   * @returns one result for each transaction; undefined when the runtime did not answer and the batch must be repeated
   */
  async check(basis: Dispatch, inputs: Uint8Array[]): Promise<CheckTxResult[] | undefined> {
    try {
      return await this.ask(basis, inputs);
    } catch (error) {
      if (error instanceof CodedError) return await this.oneByOne(basis, inputs, error);
      if (!(error instanceof CallFailure)) throw error;
      this.log.warn("transactions were not checked", { error: error.message, transactions: inputs.length });
      if (error.problem === "deadline") await this.host.abort();
      return undefined;
    }
  }

  /** An error for a whole batch is some transaction's fault; without the others it blocks nobody but itself. */
  private async oneByOne(
    basis: Dispatch,
    inputs: Uint8Array[],
    error: CodedError,
  ): Promise<CheckTxResult[] | undefined> {
    if (inputs.length === 1) return [rejection(error)];
    const results: CheckTxResult[] = [];
    for (const input of inputs) {
      const alone = await this.check(basis, [input]);
      if (alone === undefined) return undefined;
      results.push(...alone);
    }
    return results;
  }

  private async ask(basis: Dispatch, inputs: Uint8Array[]): Promise<CheckTxResult[]> {
    const { results } = await this.host.call(
      "RuntimeCheckTxBatchRequest",
      {
        consensusBlock: basis.consensusBlock,
        inputs,
        block: { header: basis.header },
        epoch: basis.epoch,
        maxMessages: basis.descriptor.executor.maxMessages,
      },
      CHECK_DEADLINE_MS,
    );
    if (results.length !== inputs.length) {
      throw notQueued(`the runtime gave ${results.length} results for ${inputs.length} transactions`);
    }
    return results;
  }
}
