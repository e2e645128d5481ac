import type { SortedMap } from "#common/sorted-map.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { cell, hashedPart, sharedCell, table, u8Part } from "../../app/table.js";
import { Committee, type Validator, ValidatorMap } from "./types.js";

/** Committees by kind and runtime. */
export const committees = table(0x60, [u8Part, hashedPart], Committee);
export const currentValidatorsCell = sharedCell(0x61, ValidatorMap);
export const pendingValidatorsCell = cell(0x62, ValidatorMap);

/** The validator set in force in the application, by consensus key. */
export function currentValidators(state: KeyValueReader): SortedMap<Uint8Array, Validator> {
  return currentValidatorsCell.get(state) ?? ValidatorMap.zero();
}
