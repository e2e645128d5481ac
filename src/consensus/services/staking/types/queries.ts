/** Requests of the client API (staking: queries). */
import { Address } from "#common/address.js";
import { i64, struct } from "#common/schema/index.js";
import { ThresholdKind } from "./thresholds.js";

export class ThresholdQuery extends struct("ThresholdQuery", { height: i64, kind: ThresholdKind }) {}

export class OwnerQuery extends struct("OwnerQuery", { height: i64, owner: Address }) {}

export class AllowanceQuery extends struct("AllowanceQuery", { height: i64, owner: Address, beneficiary: Address }) {}
