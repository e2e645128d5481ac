import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Metrics } from "#common/ports/metrics.js";

const MIB = 1_048_576;

/** The numbers of a file of `name: number` lines; none where the system has no such file. */
function numbersOf(path: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  let text = "";
  try {
    text = readFileSync(path, "latin1");
  } catch {
    // Not Linux, or not allowed.
  }
  for (const [, name = "", value = ""] of text.matchAll(/^\s*([\w.-]+):\s+(\d+)/gm)) found.set(name, Number(value));
  return found;
}

/** Bytes that a folder takes on disk; files that vanish meanwhile do not count. */
function diskUsage(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) bytes += diskUsage(path);
      else if (entry.isFile()) bytes += statSync(path).blocks * 512;
    }
  } catch {
    // Gone.
  }
  return bytes;
}

const NETWORK_FIELDS: readonly (readonly [string, number])[] = [
  ["node_net_receive_bytes_total", 0],
  ["node_net_receive_packets_total", 1],
  ["node_net_transmit_bytes_total", 8],
  ["node_net_transmit_packets_total", 9],
];

function networkUse(metrics: Metrics): void {
  let text = "";
  try {
    text = readFileSync("/proc/net/dev", "latin1");
  } catch {
    return;
  }
  for (const [, device = "", numbers = ""] of text.matchAll(/^\s*([^\s:]+):\s*(.+)$/gm)) {
    const values = numbers.trim().split(/\s+/).map(Number);
    for (const [name, index] of NETWORK_FIELDS) metrics.set(name, values[index] ?? 0, { device });
  }
}

/**
 * Sets the gauges about this process and its disk.
 * @param folder data folder of the process
 * @param consensus folder of the consensus layer's state and blocks
 */
export function processMetrics(metrics: Metrics, folder: string, consensus: string): void {
  const { user, system } = process.cpuUsage();
  metrics.set("node_cpu_utime_seconds", user / 1e6);
  metrics.set("node_cpu_stime_seconds", system / 1e6);
  const status = numbersOf("/proc/self/status");
  const kib = (field: string): number => (status.get(field) ?? 0) * 1024;
  metrics.set("node_mem_rss_anon_bytes", kib("RssAnon"));
  metrics.set("node_mem_rss_file_bytes", kib("RssFile"));
  metrics.set("node_mem_rss_shmem_bytes", kib("RssShmem"));
  metrics.set("node_mem_vm_size_bytes", kib("VmSize"));
  const io = numbersOf("/proc/self/io");
  metrics.set("node_disk_read_bytes", io.get("read_bytes") ?? 0);
  metrics.set("node_disk_written_bytes", io.get("write_bytes") ?? 0);
  metrics.set("node_disk_usage_bytes", diskUsage(folder));
  metrics.set("abci_db_size", diskUsage(consensus) / MIB);
  networkUse(metrics);
}
