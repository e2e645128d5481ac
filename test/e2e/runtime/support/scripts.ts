import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "qanat-scripts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** A runtime in bare JavaScript: `socket` is connected to the host. */
export function rawRuntime(lines: string): string {
  const path = join(folder, `${count++}.mjs`);
  writeFileSync(
    path,
    `import { connect } from "node:net";
     const socket = connect(process.env.OASIS_WORKER_HOST);
     socket.on("error", () => process.exit(0));
     const frame = (bytes) => {
       const head = Buffer.alloc(4);
       head.writeUInt32BE(bytes.length);
       socket.write(Buffer.concat([head, bytes]));
     };
     ${lines}`,
  );
  return path;
}

/**
 * A static program for x86-64 Linux that makes one system call and exits with its error number, 0 when it worked.
 *
 * @param args first three arguments, 32 bits each
 */
export function syscallProgram(number: number, args: readonly number[] = []): string {
  const u32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
  const [a = 0, b = 0, c = 0] = args;
  const load = [0xb8, ...u32(number), 0xbf, ...u32(a), 0xbe, ...u32(b), 0xba, ...u32(c), 0x45, 0x31, 0xd2];
  // syscall; test eax, eax; js +2; xor eax, eax; neg eax; mov edi, eax; mov eax, exit_group; syscall
  const leave = [0x0f, 0x05, 0x85, 0xc0, 0x78, 0x02, 0x31, 0xc0, 0xf7, 0xd8, 0x89, 0xc7, 0xb8, ...u32(231), 0x0f, 0x05];
  const code = Buffer.from([...load, ...leave]);
  const head = Buffer.alloc(64 + 56);
  Buffer.from("7f454c460201010000000000000000000200 3e0001000000".replaceAll(" ", ""), "hex").copy(head);
  const base = 0x400000n;
  head.writeBigUInt64LE(base + 120n, 24);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(1, 64);
  head.writeUInt32LE(5, 68);
  head.writeBigUInt64LE(base, 80);
  head.writeBigUInt64LE(base, 88);
  head.writeBigUInt64LE(BigInt(120 + code.length), 96);
  head.writeBigUInt64LE(BigInt(120 + code.length), 104);
  head.writeBigUInt64LE(4096n, 112);
  const path = join(folder, `syscall-${count++}`);
  writeFileSync(path, Buffer.concat([head, code]), { mode: 0o755 });
  return path;
}
