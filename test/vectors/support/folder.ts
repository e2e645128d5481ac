import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Where the vectors are: `QANAT_VECTORS` when it is set, else the folder beside the repository, else nowhere. */
export function vectorsFolder(): string | undefined {
  const named = process.env["QANAT_VECTORS"];
  if (named !== undefined && named !== "") {
    const folder = resolve(named);
    if (!existsSync(folder)) throw new TypeError(`QANAT_VECTORS names a folder that does not exist: ${folder}`);
    return folder;
  }
  const beside = join(REPOSITORY, "../shared/vectors");
  return existsSync(beside) ? beside : undefined;
}

/** A folder that was named explicitly may hold a selection: a file that is not in it is skipped, not a failure. */
export function vectorsFolderIsSelection(): boolean {
  return (process.env["QANAT_VECTORS"] ?? "") !== "";
}

/** Every file below `folder`, as paths with `/` relative to it, sorted. */
export function filesBelow(folder: string, prefix = ""): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) found.push(...filesBelow(folder, path));
    else found.push(path);
  }
  return found.sort();
}

/** Files that explain vectors and hold none. */
export function isVectorFile(path: string): boolean {
  return !/(^|\/)(README[^/]*\.md|[^/]*\.(py|go|sh|ts|rs))$/.test(path);
}
