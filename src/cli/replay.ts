import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import pc from "picocolors";
import { toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { InvalidBlock } from "#consensus/app/system-tx.js";
import { expectObject, type Json, parseJson } from "#common/json.js";
import { UpgradeDescriptor } from "#consensus/services/governance/types.js";
import { parseGenesis } from "#consensus/genesis/document.js";
import { Replay, ReplayDifference } from "#consensus/replay.js";

interface ReplayOptions {
  readonly json: boolean;
}

/** The lines of a recording's blocks. */
async function* blockLines(dir: string): AsyncGenerator<string> {
  const path = join(dir, "blocks.jsonl.gz");
  if (!existsSync(path)) throw new InvalidInput("dir", `${path} does not exist`);
  const lines = createInterface({
    input: createReadStream(path).pipe(createGunzip()),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const line of lines) if (line !== "") yield line;
}

/** Upgrades that the recorded nodes were told about outside the chain, if there is a file of them. */
function localUpgrades(dir: string): readonly UpgradeDescriptor[] {
  const path = join(dir, "upgrades.json");
  if (!existsSync(path)) return [];
  const { upgrades } = expectObject(parseJson(readFileSync(path, "utf8")));
  if (!Array.isArray(upgrades)) throw new InvalidInput("dir", `${path} has no list of upgrades`);
  return upgrades.map((entry: Json) => UpgradeDescriptor.fromJson(expectObject(entry)["descriptor"] ?? null));
}

/** `qanat replay DIR`: exit code 0 only when everything agrees. */
export async function runReplay(dir: string, options: ReplayOptions): Promise<void> {
  const genesisPath = join(dir, "genesis.json");
  if (!existsSync(genesisPath)) throw new InvalidInput("dir", `${genesisPath} does not exist`);
  const replay = new Replay(parseGenesis(readFileSync(genesisPath, "utf8")), localUpgrades(dir));
  const started = performance.now();
  let blocks = 0;
  let transactions = 0;
  const say = (event: string, fields: object): void => {
    if (options.json) process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
  };
  try {
    for await (const line of blockLines(dir)) {
      const step = replay.step(line);
      blocks++;
      transactions += step.transactions;
      say("block", { height: Number(step.height), transactions: step.transactions });
    }
  } catch (error) {
    if (!(error instanceof ReplayDifference || error instanceof InvalidBlock)) throw error;
    say("difference", { after_blocks: blocks, reason: error.message });
    if (!options.json) process.stdout.write(`${pc.red("differs")} after ${blocks} blocks: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  const seconds = (performance.now() - started) / 1000;
  const appHash = toHex(replay.app.appHash);
  say("summary", { blocks, transactions, app_hash: appHash, seconds });
  if (!options.json) {
    const rate = Math.round(blocks / seconds);
    process.stdout.write(
      `${pc.green("agrees")}: ${blocks} blocks, ${transactions} transactions, ${rate} blocks/s, app hash ${appHash}\n`,
    );
  }
}
