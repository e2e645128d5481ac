import { existsSync } from "node:fs";
import { join } from "node:path";
import { fromUtf8 } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import type { DebugSwitches } from "#consensus/app/context.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import { BlockStore } from "#consensus/backends/embedded/block-store.js";
import { checkGenesis, type GenesisProblem } from "#consensus/genesis/check.js";
import { chainContext, type GenesisDocument, parseGenesis, printGenesis } from "#consensus/genesis/document.js";
import { exportGenesis } from "#consensus/genesis/export.js";
import { genesisValidators } from "#consensus/genesis/validators.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { Tree } from "#mkvs/tree/tree.js";
import { DataFolder } from "#platform/data-folder.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { CONSENSUS_FOLDER, GENESIS_FILE } from "./replay.js";
import { onOutput } from "./colours.js";
import { readGenesisFile } from "./input-file.js";

export interface CheckOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

export interface DumpOptions {
  readonly data: string;
  readonly height?: number;
}

function tellProblems(problems: readonly GenesisProblem[], json: boolean): void {
  for (const { field, reason } of problems) {
    const line = json
      ? JSON.stringify({ event: "problem", field, reason })
      : `${onOutput.red("problem")} ${field}: ${reason}`;
    process.stdout.write(`${line}\n`);
  }
  process.exitCode = 1;
}

/** `qanat genesis check FILE`: exit code 0 only when a network can start from the document. */
export async function checkGenesisFile(file: string, options: CheckOptions): Promise<void> {
  const document = readGenesisFile("file", file);
  const on = options.debug;
  const debug: DebugSwitches = { dontBlameOasis: on, allowTestKeys: on, allowDebugEnclaves: on };
  const problems = checkGenesis(document, debug);
  if (problems.length > 0) return tellProblems(problems, options.json);
  const context = chainContext(document);
  const validators = genesisValidators(document).length;
  const { chainId, height } = document;
  if (options.json) {
    const fields = { chain_id: chainId, chain_context: context, height: Number(height), validators };
    process.stdout.write(`${JSON.stringify({ event: "genesis", ...fields })}\n`);
    return;
  }
  const lines = [
    `${onOutput.green("sound")}: ${chainId}`,
    `chain context  ${context}`,
    `first height   ${height}`,
    `validators     ${validators}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** The document of a height of a data folder. @param height undefined for the latest */
function dump(folder: DataFolder, height: bigint | undefined): GenesisDocument {
  const genesis = folder.read(GENESIS_FILE);
  if (genesis === undefined) throw new InvalidInput("--data", `${folder.path} has no ${GENESIS_FILE}`);
  const origin = parseGenesis(fromUtf8(genesis));
  const disk = openLmdbDisk({ path: folder.file(CONSENSUS_FOLDER) });
  try {
    const db = new DiskNodeDb({ disk, name: "state", namespace: STATE_NAMESPACE });
    const version = height ?? db.latestVersion() ?? 0n;
    const block = new BlockStore(disk).block(version);
    const root = db.rootsForVersion(version).find(({ type }) => type === STATE_ROOT);
    if (block === undefined || root === undefined) {
      throw new InvalidInput("--height", `${folder.path} has no state of height ${version}`);
    }
    const state = new Tree({ db, root, writeLog: false });
    return exportGenesis(state, { height: version, time: block.header.time, origin });
  } finally {
    disk.close();
  }
}

/** `qanat genesis dump`: prints the document that starts a chain with the state of a height. */
export async function dumpGenesis(options: DumpOptions): Promise<void> {
  const { data, height } = options;
  if (!existsSync(join(data, CONSENSUS_FOLDER))) throw new InvalidInput("--data", `${data} holds no chain`);
  const folder = await DataFolder.open(data);
  try {
    const document = dump(folder, height === undefined ? undefined : BigInt(height));
    process.stdout.write(printGenesis(document));
  } finally {
    folder.close();
  }
}
