import { fromHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { expectObject, type Json, parseJson } from "#common/json.js";
import {
  CONSENSUS_PROTOCOL,
  isCompatible,
  RUNTIME_COMMITTEE_PROTOCOL,
  RUNTIME_HOST_PROTOCOL,
  versionToText,
} from "#common/version.js";
import { Block } from "../block/block.js";
import { Commit } from "../block/commit.js";
import { ConsensusParams } from "../block/params.js";
import { UpgradeDescriptor } from "../services/governance/types.js";
import type { AbciEvent, TransactionResult, ValidatorUpdate } from "../transaction/results.js";

/** Everything that was recorded of one height. */
export interface RecordedHeight {
  readonly height: bigint;
  readonly block: Block;
  /** The block as its id commits to it. */
  readonly encodedBlock: Uint8Array;
  readonly results: readonly TransactionResult[];
  readonly beginEvents: readonly AbciEvent[];
  readonly endEvents: readonly AbciEvent[];
  readonly validatorUpdates: readonly ValidatorUpdate[];
  readonly engineUpdates: ConsensusParams;
  /** State root after the height. */
  readonly appHash: Uint8Array;
  readonly lastResultsHash: Uint8Array;
  /** The commit for this height. */
  readonly commit: Commit;
}

const DESCRIPTOR_VERSION = 1;

type Read<T> = (json: Json) => T;
type Readers<T> = { readonly [K in keyof T]: readonly [key: string, read: Read<T[K]>] };

function text(json: Json): string {
  if (typeof json !== "string") throw new DecodeError("expected a text");
  return json;
}

function integer(json: Json): bigint {
  if (typeof json === "bigint") return json;
  if (typeof json === "number" && Number.isSafeInteger(json)) return BigInt(json);
  throw new DecodeError("expected a whole number");
}

function hex(json: Json): Uint8Array {
  const digits = text(json);
  // Every byte has one spelling here.
  if (digits !== digits.toLowerCase()) throw new DecodeError("expected bytes in lower-case hexadecimal");
  return fromHex(digits);
}

function within<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DecodeError ? error.within(path) : error;
  }
}

function listOf<T>(item: Read<T>): Read<T[]> {
  return (json) => {
    if (!Array.isArray(json)) throw new DecodeError("expected a list");
    return json.map((entry: Json, i) => within(`[${i}]`, () => item(entry)));
  };
}

/** An object with exactly the keys that are given. */
function objectOf<T extends object>(readers: Readers<T>): Read<T> {
  const fields = Object.entries(readers) as [string, readonly [string, Read<unknown>]][];
  const known = new Set(fields.map(([, [key]]) => key));
  return (json) => {
    const object = expectObject(json);
    const stray = Object.keys(object).find((key) => !known.has(key));
    if (stray !== undefined) throw new DecodeError(`unknown key "${stray}"`);
    const entries = fields.map(([name, [key, read]]) => {
      const value = object[key];
      if (value === undefined) throw new DecodeError("is missing", key);
      return [name, within(key, () => read(value))] as const;
    });
    return Object.fromEntries(entries) as T;
  };
}

const eventsOf = listOf(
  objectOf<AbciEvent>({
    type: ["type", text],
    attributes: ["attributes", listOf(objectOf({ key: ["key", text], value: ["value", text] }))],
  }),
);

const resultsOf = listOf(
  objectOf<TransactionResult>({
    code: ["code", (json) => Number(integer(json))],
    codespace: ["codespace", text],
    log: ["log", text],
    gasWanted: ["gas_wanted", integer],
    gasUsed: ["gas_used", integer],
    data: ["data", hex],
    events: ["events", eventsOf],
  }),
);

const updatesOf = listOf(objectOf<ValidatorUpdate>({ publicKey: ["pub_key", hex], power: ["power", integer] }));

const lineOf = objectOf({
  height: ["height", integer],
  encodedBlock: ["block", hex],
  results: ["tx_results", resultsOf],
  beginEvents: ["begin_block_events", eventsOf],
  endEvents: ["end_block_events", eventsOf],
  validatorUpdates: ["validator_updates", updatesOf],
  engineUpdates: ["consensus_param_updates", (json) => ConsensusParams.decode(hex(json))],
  appHash: ["app_hash", hex],
  lastResultsHash: ["last_results_hash", hex],
  commit: ["commit", (json) => Commit.decode(hex(json))],
});

/**
 * Reads one line of `blocks.jsonl`.
 * @throws DecodeError that names the place
 */
export function readHeight(line: string): RecordedHeight {
  const record = lineOf(parseJson(line));
  return { ...record, block: within("block", () => Block.decode(record.encodedBlock)) };
}

/** An upgrade that the recorded nodes were told about outside the chain, and where its epoch begins if that is told. */
export type LocalUpgrade = UpgradeDescriptor & { readonly firstHeight: bigint | undefined };

/** The descriptor of an upgrade, every field of which must be known; its target is a program of this release. */
function descriptorOf(json: Json): UpgradeDescriptor {
  const descriptor = UpgradeDescriptor.fromJson(json);
  const { consensusProtocol, runtimeHostProtocol, runtimeCommitteeProtocol } = descriptor.target;
  if (descriptor.v !== DESCRIPTOR_VERSION) throw new DecodeError(`must be ${DESCRIPTOR_VERSION}`, "v");
  const told = [consensusProtocol, runtimeHostProtocol, runtimeCommitteeProtocol];
  const ours = [CONSENSUS_PROTOCOL, RUNTIME_HOST_PROTOCOL, RUNTIME_COMMITTEE_PROTOCOL];
  if (!told.every((version, i) => isCompatible(version, ours[i] ?? version))) {
    throw new DecodeError(`must be compatible with ${ours.map(versionToText).join(", ")}`, "target");
  }
  const stray = strayKey(json, UpgradeDescriptor.toJson(descriptor));
  if (stray !== undefined) throw new DecodeError(`unknown key "${stray}"`);
  return descriptor;
}

/** A key that a value has and its canonical form has not. */
function strayKey(json: Json, canonical: Json): string | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const known = expectObject(canonical);
  for (const [key, value] of Object.entries(json)) {
    const other = known[key];
    if (other === undefined) return key;
    const below = strayKey(value, other);
    if (below !== undefined) return below;
  }
  return undefined;
}

/**
 * Reads `upgrades.json`: what the recorded nodes were told outside the chain. Its note is prose: any text will do.
 * @throws DecodeError that names the place
 */
export function readUpgrades(json: string): LocalUpgrade[] {
  const { note, upgrades, ...rest } = expectObject(parseJson(json));
  const [stray] = Object.keys(rest);
  if (stray !== undefined) throw new DecodeError(`unknown key "${stray}"`);
  if (note !== undefined) within("note", () => text(note));
  const one = (entry: Json): LocalUpgrade => {
    const { descriptor = null, first_block_of_epoch: height, startup_stage: startup, ...others } = expectObject(entry);
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw new DecodeError(`unknown key "${unknown}"`);
    // Nodes that run when they are told do not start anew for the upgrade, and a replay does not either.
    if (startup !== undefined && startup !== false) throw new DecodeError("must be false", "startup_stage");
    return {
      ...within("descriptor", () => descriptorOf(descriptor)),
      firstHeight: height === undefined ? undefined : within("first_block_of_epoch", () => integer(height)),
    };
  };
  return within("upgrades", () => listOf(one)(upgrades ?? null));
}
