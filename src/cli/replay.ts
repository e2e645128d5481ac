import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";
import { fromUtf8, utf8 } from "#common/bytes.js";
import { DecodeError, InvalidInput } from "#common/errors/index.js";
import { type GenesisDocument, parseGenesis, printGenesis } from "#consensus/genesis/document.js";
import { ReplayDifference } from "#consensus/replay/difference.js";
import { type LocalUpgrade, readUpgrades } from "#consensus/replay/recording.js";
import { Replay } from "#consensus/replay/replay.js";
import { compareSummary } from "#consensus/replay/summary.js";
import { DataFolder } from "#platform/data-folder.js";
import { openLmdbDisk } from "#platform/disk-lmdb.js";
import { jsonReplayReporter, type ReplayReporter, textReplayReporter } from "./replay-reporter.js";

const UPGRADES_FILE = "upgrades.json";
const BLOCKS_FILE = "blocks.jsonl.gz";
export const GENESIS_FILE = "genesis.json";
/** Folder of the disk with blocks and states below a data folder. */
export const CONSENSUS_FOLDER = "consensus";

export interface ReplayCommandOptions {
  readonly json: boolean;
  readonly until?: number;
  readonly verifyCommits: boolean;
  readonly data?: string;
}

/** The compressed recording is damaged. */
class DamagedFile extends Error {}

interface Line {
  readonly text: string;
  /** Part of the file that has been read, from 0 to 1. */
  readonly done: number;
}

/** The lines of a recording's blocks. */
async function* blockLines(path: string): AsyncGenerator<Line> {
  const file = createReadStream(path);
  const size = statSync(path).size;
  const unpacked = createGunzip();
  file.on("error", (error) => unpacked.destroy(error)).pipe(unpacked);
  const decoder = new StringDecoder("utf8");
  let open: string[] = [];
  try {
    for await (const chunk of unpacked) {
      const [first = "", ...more] = decoder.write(chunk as Buffer).split("\n");
      open.push(first);
      for (const next of more) {
        const text = open.join("");
        if (text !== "") yield { text, done: file.bytesRead / size };
        open = [next];
      }
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code.startsWith("Z_")) throw new DamagedFile(`damaged: ${(error as Error).message}`);
    throw error;
  } finally {
    file.destroy();
  }
  const text = open.join("");
  if (text !== "") yield { text, done: 1 };
}

/** A file of a recording, which must be there. */
function recordingFile(dir: string, name: string): string {
  const path = join(dir, name);
  if (!existsSync(path)) throw new InvalidInput("dir", `${path} does not exist`);
  return path;
}

function optionalFile(dir: string, name: string): string | undefined {
  const path = join(dir, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** Upgrades that the recorded nodes were told about outside the chain, if there is a file of them. */
function localUpgrades(dir: string): readonly LocalUpgrade[] {
  const text = optionalFile(dir, UPGRADES_FILE);
  if (text === undefined) return [];
  try {
    return readUpgrades(text);
  } catch (error) {
    throw error instanceof DecodeError ? error.within(UPGRADES_FILE) : error;
  }
}

/** Puts the document into a data folder, or checks that it is the one that is there. */
function claimFolder(folder: DataFolder, document: GenesisDocument): void {
  const text = printGenesis(document);
  const found = folder.read(GENESIS_FILE);
  if (found === undefined) folder.write(GENESIS_FILE, utf8(text), 0o644);
  else if (fromUtf8(found) !== text) throw new InvalidInput("--data", `${folder.path} belongs to another chain`);
}

interface Recording {
  readonly blocksPath: string;
  readonly upgrades: readonly LocalUpgrade[];
  /** Text of the summary, if there is one and all heights are replayed. */
  readonly summary: string | undefined;
}

/** What the recording says beside its blocks must be what they came to. */
function compareRest({ app, tally }: Replay, { upgrades, summary }: Recording): void {
  for (const { epoch, firstHeight } of upgrades) {
    const begun = tally.firstHeightOf(epoch);
    if (begun === undefined || firstHeight === undefined || begun === firstHeight) continue;
    throw new ReplayDifference(begun, `first_block_of_epoch in ${UPGRADES_FILE}`, `${firstHeight}`, `${begun}`);
  }
  if (summary === undefined) return;
  compareSummary(summary, tally.summary(app.initialHeight, app.appHash), app.height);
}

async function replayAll(
  replay: Replay,
  recording: Recording,
  report: ReplayReporter,
  until: bigint,
): Promise<boolean> {
  const started = performance.now();
  let [blocks, skipped, transactions] = [0, 0, 0];
  const seconds = (): number => (performance.now() - started) / 1000;
  const { initialHeight } = replay.app;
  let next = initialHeight;
  try {
    for await (const { text, done } of blockLines(recording.blocksPath)) {
      const step = replay.step(text);
      next = step.height + 1n;
      if (step.skipped) skipped++;
      else {
        blocks++;
        transactions += step.transactions;
        const blocksPerSecond = Math.round(blocks / seconds());
        report.block({ height: step.height, transactions: step.transactions, done, blocksPerSecond });
      }
      if (step.height >= until) break;
    }
    compareRest(replay, recording);
  } catch (error) {
    const found =
      error instanceof DamagedFile
        ? new ReplayDifference(next, BLOCKS_FILE, error.message, "a readable recording")
        : error;
    if (!(found instanceof ReplayDifference)) throw error;
    report.difference(found, blocks);
    return false;
  }
  report.summary({ blocks, skipped, transactions, seconds: seconds(), appHash: replay.app.appHash });
  return true;
}

/** `qanat replay DIR`: exit code 0 only when everything agrees. */
export async function runReplay(dir: string, options: ReplayCommandOptions): Promise<void> {
  const write = (text: string): void => void process.stdout.write(text);
  const report = options.json ? jsonReplayReporter(write) : textReplayReporter(write, process.stdout.isTTY === true);
  const blocksPath = recordingFile(dir, BLOCKS_FILE);
  const document = parseGenesis(readFileSync(recordingFile(dir, GENESIS_FILE), "utf8"));
  const upgrades = localUpgrades(dir);
  const folder = options.data === undefined ? undefined : await DataFolder.open(options.data);
  try {
    if (folder !== undefined) claimFolder(folder, document);
    // A replay can be repeated, so it need not wait for the device.
    const disk = folder && openLmdbDisk({ path: folder.file(CONSENSUS_FOLDER), durable: false });
    try {
      const { verifyCommits } = options;
      const replay = new Replay(document, {
        upgrades,
        disk,
        verifyCommits,
      });
      const until = BigInt(options.until ?? Number.MAX_SAFE_INTEGER);
      const summary = options.until === undefined ? optionalFile(dir, "summary.json") : undefined;
      if (!(await replayAll(replay, { blocksPath, upgrades, summary }, report, until))) process.exitCode = 1;
    } finally {
      disk?.close();
    }
  } finally {
    folder?.close();
  }
}
