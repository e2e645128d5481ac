/** Which remote attestations are good enough (registry: TEE verification). */
import { FRAME_BYTES, FRAME_ELEMENTS } from "../limits.js";
import {
  bool,
  byteArray,
  enumeration,
  list,
  omitEmpty,
  optional,
  type Schema,
  struct,
  text,
  u16,
  u32,
} from "../schema/index.js";

const MEASUREMENT_384 = 48;

/** Verdicts of the older attestation service about a platform. */
export const IAS_QUOTE_STATUS = {
  OK: 1,
  SIGNATURE_INVALID: 2,
  GROUP_REVOKED: 3,
  SIGNATURE_REVOKED: 4,
  KEY_REVOKED: 5,
  SIGRL_VERSION_MISMATCH: 6,
  GROUP_OUT_OF_DATE: 7,
  CONFIGURATION_NEEDED: 8,
  SW_HARDENING_NEEDED: 9,
  CONFIGURATION_AND_SW_HARDENING_NEEDED: 10,
} as const;

export type IasQuoteStatus = number;
export const IasQuoteStatus: Schema<number> = enumeration("IasQuoteStatus", IAS_QUOTE_STATUS, {
  max: Number.MAX_SAFE_INTEGER,
});

/** Policy for quotes checked by the older attestation service. */
export class IasQuotePolicy extends struct("IasQuotePolicy", {
  disabled: omitEmpty(bool),
  allowedQuoteStatuses: omitEmpty(list(IasQuoteStatus, { max: FRAME_ELEMENTS })),
  gidBlacklist: omitEmpty(list(u32, { max: FRAME_ELEMENTS })),
  minTcbEvaluationDataNumber: omitEmpty(u32),
}) {}

/** One acceptable TDX module. */
export class TdxModulePolicy extends struct("TdxModulePolicy", {
  mrSeam: optional(byteArray(MEASUREMENT_384)),
  mrSignerSeam: byteArray(MEASUREMENT_384),
}) {}

/** Policy for TDX quotes; an empty list allows every module signed by the vendor. */
export class TdxQuotePolicy extends struct("TdxQuotePolicy", {
  allowedTdxModules: omitEmpty(list(TdxModulePolicy, { max: FRAME_ELEMENTS })),
}) {}

/** Policy for quotes checked with platform collateral. */
export class PcsQuotePolicy extends struct("PcsQuotePolicy", {
  disabled: omitEmpty(bool),
  /** Days. */
  tcbValidityPeriod: u16,
  minTcbEvaluationDataNumber: u32,
  fmspcWhitelist: omitEmpty(list(text({ max: FRAME_BYTES }), { max: FRAME_ELEMENTS })),
  fmspcBlacklist: omitEmpty(list(text({ max: FRAME_BYTES }), { max: FRAME_ELEMENTS })),
  tdx: optional(TdxQuotePolicy),
}) {}

/** Policies by kind of quote. */
export class QuotePolicy extends struct("QuotePolicy", {
  ias: optional(IasQuotePolicy),
  pcs: optional(PcsQuotePolicy),
}) {}
