import { toHex } from "#common/bytes.js";
import { unknown } from "#common/errors/index.js";
import { type Disk, type DiskTable, MAX_DISK_KEY_BYTES } from "#common/ports/disk.js";
import type { LocalStorage } from "./host-handler.js";

/** Local storage of one runtime on a disk. */
export class DiskLocalStorage implements LocalStorage {
  private readonly table: DiskTable;

  constructor(disk: Disk, runtimeId: Uint8Array) {
    this.table = disk.openTable(`local/${toHex(runtimeId)}`);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return key.length > MAX_DISK_KEY_BYTES ? undefined : this.table.get(key);
  }

  /** @throws CodedError when the key is longer than 1024 bytes */
  set(key: Uint8Array, value: Uint8Array): void {
    if (key.length > MAX_DISK_KEY_BYTES)
      throw unknown(`local storage key of ${key.length} bytes, limit ${MAX_DISK_KEY_BYTES}`);
    this.table.put(key, value);
  }
}
