/** Amounts of tokens as text (common: quantity and token text). */
import { defineErrors } from "./errors/index.js";

/** Longest ticker symbol, in bytes. */
export const TOKEN_SYMBOL_MAX = 8;
/** Largest exponent: one token is 10^20 base units at most. */
export const TOKEN_EXPONENT_MAX = 20;

export const tokenErrors = defineErrors("staking/token", {
  invalidExponent: [1, "staking/token: invalid token's value exponent"],
});

/**
 * Base units as tokens, e.g. 7999217230119682890 with exponent 9 as "7999217230.11968289".
 *
 * @param exponent base-10 exponent, 0..20
 * @throws CodedError staking/token 1 when the exponent is too large
 */
export function tokenAmount(baseUnits: bigint, exponent: number): string {
  if (exponent > TOKEN_EXPONENT_MAX) throw tokenErrors.invalidExponent();
  const unit = 10n ** BigInt(exponent);
  const fraction = (baseUnits % unit).toString().padStart(exponent, "0").replace(/0+$/, "");
  return `${baseUnits / unit}.${fraction === "" ? "0" : fraction}`;
}

/** How a network shows its tokens; what is missing makes amounts appear in base units. */
export interface TokenStyle {
  readonly symbol?: string | undefined;
  /** Base-10 exponent. */
  readonly exponent?: number | undefined;
  /** Put in front when it is "+" or "-". */
  readonly sign?: string | undefined;
}

/** An amount for people: "12.5 TEST" or "12500000 base units". */
export function showAmount(baseUnits: bigint, style: TokenStyle): string {
  const { symbol = "", exponent, sign } = style;
  const prefix = sign === "+" || sign === "-" ? sign : "";
  if (symbol !== "" && symbol.length <= TOKEN_SYMBOL_MAX && exponent !== undefined && exponent <= TOKEN_EXPONENT_MAX) {
    return `${prefix}${tokenAmount(baseUnits, exponent)} ${symbol}`;
  }
  return `${prefix}${baseUnits} base units`;
}
