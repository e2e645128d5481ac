import { unknown } from "#common/errors/index.js";
import type { SortedMap } from "#common/sorted-map.js";

/** Gas price per operation; an operation that is missing is free. */
export type GasCosts = SortedMap<string, bigint>;

const U64_MAX = 0xffffffffffffffffn;

/** Counts gas against limits (consensus: gas). */
export interface GasAccountant {
  /** Charges `multiplier` times the price of an operation; throws CodedError unknown/1 when a limit is passed. */
  use(multiplier: bigint, operation: string, costs: GasCosts): void;
  readonly wanted: bigint;
  readonly used: bigint;
}

/** Counts nothing. */
export const FREE_GAS: GasAccountant = { use: () => undefined, wanted: 0n, used: 0n };

/** An accountant with one limit. */
export class LimitedGas implements GasAccountant {
  used = 0n;
  constructor(readonly wanted: bigint) {}

  use(multiplier: bigint, operation: string, costs: GasCosts): void {
    const price = costs.get(operation);
    if (price === undefined) return;
    // The product wraps at 64 bits, as in the reference.
    const amount = BigInt.asUintN(64, price * multiplier);
    if (U64_MAX - this.used < amount) throw unknown("gas overflow");
    const total = this.used + amount;
    if (total > this.wanted) throw unknown(`out of gas (limit: ${this.wanted} wanted: ${total})`);
    this.used = total;
  }
}

/**
 * The accountant of a transaction and that of the block together. An error of the block's leaves the transaction's
 * charge in place. Used gas is the larger of both, so it is cumulative over the block when the block has a limit.
 */
export class CompositeGas implements GasAccountant {
  constructor(
    private readonly first: GasAccountant,
    private readonly second: GasAccountant,
  ) {}

  use(multiplier: bigint, operation: string, costs: GasCosts): void {
    this.first.use(multiplier, operation, costs);
    this.second.use(multiplier, operation, costs);
  }

  get wanted(): bigint {
    return this.first.wanted;
  }

  get used(): bigint {
    return this.first.used > this.second.used ? this.first.used : this.second.used;
  }
}

/** floor(amount / gas); a gas limit of zero counts as price zero. */
export function gasPrice(fee: { readonly amount: bigint; readonly gas: bigint }): bigint {
  return fee.gas === 0n ? 0n : fee.amount / fee.gas;
}
