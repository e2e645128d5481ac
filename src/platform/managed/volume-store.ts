/** Volumes of components in a folder (node workers: volumes). */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { parseJson, printJson } from "#common/json.js";
import { struct, text } from "#common/schema/index.js";
import { Labels, type VolumeInfo } from "#runtime/component/api.js";
import { hasLabels, type ManagedVolumes } from "#worker/component/management.js";

const DESCRIPTOR = "descriptor.json";
const ID_BYTES = 32;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

class VolumeDescriptor extends struct("Descriptor", { id: text({ max: 64 }), labels: Labels }) {}

/** Each volume is a folder with a description. */
export class VolumeStore implements ManagedVolumes {
  constructor(private readonly folder: string) {}

  create(labels: Labels): string {
    const id = toHex(randomBytes(ID_BYTES));
    const folder = join(this.folder, id);
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    const descriptor = utf8(printJson(VolumeDescriptor.toJson({ id, labels })));
    writeFileSync(join(folder, DESCRIPTOR), descriptor, { mode: FILE_MODE });
    return id;
  }

  remove(filter: Labels): void {
    for (const { id } of this.list(filter)) rmSync(join(this.folder, id), { recursive: true, force: true });
  }

  list(filter: Labels): VolumeInfo[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .sort()
      .flatMap((name) => describe(join(this.folder, name)) ?? [])
      .filter(({ labels }) => hasLabels(labels, filter));
  }
}

/** Folders that hold no volume are passed over. */
function describe(folder: string): VolumeInfo | undefined {
  const path = join(folder, DESCRIPTOR);
  if (!existsSync(path)) return undefined;
  try {
    return VolumeDescriptor.fromJson(parseJson(fromUtf8(readFileSync(path))));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
