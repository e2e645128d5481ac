/** Which system calls a sandboxed runtime may make (launching runtimes: bubblewrap and SECCOMP). */
import { BpfProgram } from "./bpf.js";
import { type Machine, SYSCALLS, type SyscallTable } from "./syscalls.js";

/** Where the kernel puts the number of the call, the machine and the lower half of the first argument. */
const OFFSET = { number: 0, arch: 4, firstArgument: 16 } as const;

const ALLOW = 0x7fff0000;
const KILL = 0;
const REFUSE = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;

/** Flags of clone that make namespaces. */
const NAMESPACE_FLAGS = 0x7c020000;
/** Flag of clone that makes a thread instead of a process. */
const THREAD_FLAG = 0x00010000;
/** On x86-64 the number -1 is none of another calling convention: a tracer skipped the call. */
const SKIPPED = 0xffffffff;
const UNIX_FAMILY = 1;

/** What is refused beyond the reference's list. */
export interface SeccompPolicy {
  /** No further processes: a runtime needs threads only, and a process that cannot multiply is easily ended. */
  readonly threadsOnly: boolean;
  /** Sockets within the machine only. */
  readonly unixSocketsOnly: boolean;
}

/**
 * The filter that allows what the reference allows, with clone as the reference meant it: its own program lets a runtime
 * make namespaces, because two operands are exchanged.
 */
export const REFERENCE_POLICY: SeccompPolicy = { threadsOnly: false, unixSocketsOnly: false };

/** What a runtime that is no ROFL component can do with. */
export const STRICT_POLICY: SeccompPolicy = { threadsOnly: true, unixSocketsOnly: true };

/** Consecutive numbers as [first, last]. */
function rangesOf(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const n of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}

/** The machine must be ours: numbers mean something else on another one. */
function checkMachine(program: BpfProgram, { arch, foreignFrom }: SyscallTable): void {
  const [ours, known] = [program.label("ours"), program.label("known")];
  program.load(OFFSET.arch);
  program.ifEqual(arch, { yes: ours });
  program.give(KILL);
  program.place(ours);
  program.load(OFFSET.number);
  if (foreignFrom === undefined) return;
  const foreign = program.label("foreign");
  program.ifEqual(SKIPPED, { yes: known });
  program.ifAtLeast(foreignFrom, { yes: foreign, no: known });
  program.place(foreign);
  program.give(KILL);
  program.place(known);
}

function checkClone(program: BpfProgram, { special }: SyscallTable, policy: SeccompPolicy): void {
  const [next, refused, after3] = [program.label("next"), program.label("refused"), program.label("after clone3")];
  // Its flags lie in memory, where no filter can see them; told that it does not exist, libraries use clone.
  program.ifEqual(special.clone3, { no: after3 });
  program.give(REFUSE | ENOSYS);
  program.place(after3);
  program.ifEqual(special.clone, { no: next });
  program.load(OFFSET.firstArgument);
  program.ifAnyBit(NAMESPACE_FLAGS, { yes: refused });
  if (policy.threadsOnly) program.ifAnyBit(THREAD_FLAG, { no: refused });
  program.give(ALLOW);
  program.place(refused);
  program.give(REFUSE | EPERM);
  program.place(next);
}

function checkSocket(program: BpfProgram, { special }: SyscallTable): void {
  const [next, refused] = [program.label("next"), program.label("refused")];
  program.ifEqual(special.socket, { no: next });
  program.load(OFFSET.firstArgument);
  program.ifEqual(UNIX_FAMILY, { no: refused });
  program.give(ALLOW);
  program.place(refused);
  program.give(REFUSE | EPERM);
  program.place(next);
}

/** Numbers ascend: below the first of a range nothing further can match. */
function checkRanges(program: BpfProgram, ranges: readonly [number, number][]): void {
  for (const [first, last] of ranges) {
    const [below, next] = [program.label("below"), program.label("next")];
    program.ifAtLeast(first, { no: below });
    program.ifAtLeast(last + 1, { yes: next });
    program.give(ALLOW);
    program.place(below);
    program.give(REFUSE | EPERM);
    program.place(next);
  }
  program.give(REFUSE | EPERM);
}

/** The filter program for a machine, in the kernel's form. */
export function seccompProgram(machine: Machine, policy: SeccompPolicy): Uint8Array {
  const table = SYSCALLS[machine];
  const { special } = table;
  const program = new BpfProgram();
  checkMachine(program, table);
  checkClone(program, table, policy);
  if (policy.unixSocketsOnly) checkSocket(program, table);
  const left = table.allowed.filter((number) => !policy.threadsOnly || !special.forks.includes(number));
  checkRanges(program, rangesOf(left));
  return program.assemble();
}
