import { expect, test } from "vitest";
import { fromBase64 } from "#common/bytes.js";
import { REFERENCE_POLICY, seccompProgram, STRICT_POLICY } from "#runtime/host/sandbox/seccomp.js";
import { type Machine, SYSCALLS } from "#runtime/host/sandbox/syscalls.js";
import { describeVectors } from "../support/vectors.ts";

interface SeccompVectors {
  allow: string[];
  notable_denied: string[];
  bpf_x86_64: { hardened_base64: string; as_reference_base64: string };
}

interface Call {
  readonly arch: number;
  readonly number: number;
  readonly argument: bigint;
}

/** What the kernel would decide: runs a filter as its interpreter does, for the instructions that filters are made of. */
function verdict(program: Uint8Array, { arch, number, argument }: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  data.setBigUint64(16, argument, true);
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.length; at++) {
    const code = view.getUint16(at * 8, true);
    const operand = view.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean): number => view.getUint8(at * 8 + (holds ? 2 : 3));
    if (code === 0x20) accumulator = data.getUint32(operand, true);
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0;
    else if (code === 0x15) at += jump(accumulator === operand);
    else if (code === 0x25) at += jump(accumulator > operand);
    else if (code === 0x35) at += jump(accumulator >= operand);
    else if (code === 0x45) at += jump((accumulator & operand) !== 0);
    else if (code === 0x06) return operand;
    else return expect.unreachable(`instruction ${code}`);
  }
  return expect.unreachable("the program has no end");
}

const ALLOWED = 0x7fff0000;
const EPERM = 0x50001;
const X86 = 0xc000003e;
const ARM = 0xc00000b7;

function* calls(): Iterable<Call> {
  const numbers = [
    ...Array.from({ length: 700 }, (_, i) => i),
    0x3fffffff,
    0x40000000,
    0x40000001,
    0xfffffffe,
    0xffffffff,
  ];
  const flags = [
    0n,
    0x11n,
    0x10000n,
    0x3d0f00n,
    0x10000000n,
    0x20000n,
    0x02000000n,
    0x7c020000n,
    0x80000000n,
    0x3d0f00n << 32n,
  ];
  for (const arch of [X86, ARM, 0x40000003, 0]) {
    for (const number of numbers) for (const argument of flags) yield { arch, number, argument };
  }
}

describeVectors<SeccompVectors>("runtime/seccomp.json", ({ allow, bpf_x86_64 }) => {
  test("our filter gives the hardened program's verdict on every call", () => {
    const theirs = fromBase64(bpf_x86_64.hardened_base64);
    const ours = seccompProgram("x86-64", REFERENCE_POLICY);
    let compared = 0;
    for (const call of calls()) {
      if (verdict(ours, call) !== verdict(theirs, call))
        expect.unreachable(JSON.stringify({ ...call, argument: `${call.argument}` }));
      compared++;
    }
    expect(compared).toBeGreaterThan(20_000);
  });

  test("the reference's own program differs only where clone makes namespaces", () => {
    const theirs = fromBase64(bpf_x86_64.as_reference_base64);
    const ours = seccompProgram("x86-64", REFERENCE_POLICY);
    for (const call of calls()) {
      if (verdict(ours, call) === verdict(theirs, call)) continue;
      expect(call.number).toBe(SYSCALLS["x86-64"].special.clone);
      expect(call.argument & 0x7c020000n).not.toBe(0n);
    }
  });

  test("no more calls are allowed than the reference names", () => {
    expect(SYSCALLS["x86-64"].allowed.length).toBeLessThanOrEqual(allow.length);
    expect(SYSCALLS.aarch64.allowed.length).toBeLessThanOrEqual(allow.length);
    expect(new Set(SYSCALLS["x86-64"].allowed).size).toBe(SYSCALLS["x86-64"].allowed.length);
    expect(new Set(SYSCALLS.aarch64.allowed).size).toBe(SYSCALLS.aarch64.allowed.length);
  });
});

test.each<[Machine, number, number[]]>([
  // openat, mount, unshare, ptrace, statx, bpf, io_uring_setup, setns
  ["x86-64", X86, [257, 165, 272, 101, 332, 321, 425, 308]],
  ["aarch64", ARM, [56, 40, 97, 117, 291, 280, 425, 268]],
])(
  "on %s files may be opened, but nothing that leaves the sandbox is allowed",
  (machine, arch, [open = 0, ...refused]) => {
    for (const policy of [REFERENCE_POLICY, STRICT_POLICY]) {
      const program = seccompProgram(machine, policy);
      const given = (number: number, argument = 0n): number => verdict(program, { arch, number, argument });
      expect(given(open)).toBe(ALLOWED);
      for (const number of refused) expect(given(number)).toBe(EPERM);
      expect(given(SYSCALLS[machine].special.clone3)).toBe(0x50000 | 38);
      // Flags of a thread of the C library; then the same with a user namespace.
      expect(given(SYSCALLS[machine].special.clone, 0x3d0f00n)).toBe(ALLOWED);
      expect(given(SYSCALLS[machine].special.clone, 0x3d0f00n | 0x10000000n)).toBe(EPERM);
    }
  },
);

test.each<[Machine, number]>([
  ["x86-64", X86],
  ["aarch64", ARM],
])("on %s the strict filter leaves threads and sockets within the machine", (machine, arch) => {
  const program = seccompProgram(machine, STRICT_POLICY);
  const { special } = SYSCALLS[machine];
  const given = (number: number, argument: bigint): number => verdict(program, { arch, number, argument });
  for (const fork of special.forks) expect(given(fork, 0n)).toBe(EPERM);
  expect(given(special.clone, 17n)).toBe(EPERM);
  expect(given(special.socket, 1n)).toBe(ALLOWED);
  for (const family of [2n, 10n, 16n, 17n, 40n]) expect(given(special.socket, family)).toBe(EPERM);
});
