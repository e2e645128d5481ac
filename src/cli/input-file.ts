/** Files that the user names. Errors name the option or argument that they come from. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import { type GenesisDocument, parseGenesis } from "#consensus/genesis/document.js";

/** The path of a file that has to be there. @throws InvalidInput when there is none, or it is no file */
export function inputFile(option: string, path: string): string {
  if (!existsSync(path)) throw new InvalidInput(option, `${path} does not exist`);
  if (!statSync(path).isFile()) throw new InvalidInput(option, `${path} is not a file`);
  return path;
}

/** Reads a genesis document; whether it is sound is another question. @throws InvalidInput when the file holds none */
export function readGenesisFile(option: string, path: string): GenesisDocument {
  const text = readFileSync(inputFile(option, path), "utf8");
  try {
    return parseGenesis(text);
  } catch (error) {
    throw error instanceof DecodeError ? new InvalidInput(option, `${path}: ${error.message}`) : error;
  }
}
