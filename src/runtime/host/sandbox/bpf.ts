/** Assembler for the packet filter machine that the kernel runs over each system call (classic BPF). */
import { assert } from "#common/assert.js";

const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
/** Code, two jump distances and an operand. */
const INSTRUCTION_BYTES = 8;
/** Jump distances are one byte. */
const MAX_JUMP = 255;
/** The kernel takes no longer program. */
const MAX_INSTRUCTIONS = 4096;

/** A place in a program, set once and jumped to from before it. */
export interface Label {
  readonly name: string;
}

interface Instruction {
  readonly code: number;
  readonly operand: number;
  /** Where to go on when the comparison holds and when it does not; the next instruction when absent. */
  readonly yes?: Label;
  readonly no?: Label;
}

/** Puts a filter together. Jumps go forward only, as the kernel demands. */
export class BpfProgram {
  private readonly instructions: Instruction[] = [];
  private readonly places = new Map<Label, number>();

  label(name: string): Label {
    return { name };
  }

  /** The next instruction is the place of a label. */
  place(label: Label): void {
    this.places.set(label, this.instructions.length);
  }

  /** Loads a word of what the kernel tells about the call. @param offset in bytes */
  load(offset: number): void {
    this.instructions.push({ code: LOAD_WORD, operand: offset });
  }

  ifEqual(operand: number, to: { readonly yes?: Label; readonly no?: Label }): void {
    this.instructions.push({ code: JUMP_EQUAL, operand, ...to });
  }

  ifAtLeast(operand: number, to: { readonly yes?: Label; readonly no?: Label }): void {
    this.instructions.push({ code: JUMP_GREATER_EQUAL, operand, ...to });
  }

  /** Whether the loaded word and the operand have a bit in common. */
  ifAnyBit(operand: number, to: { readonly yes?: Label; readonly no?: Label }): void {
    this.instructions.push({ code: JUMP_ANY_BIT, operand, ...to });
  }

  /** Ends with a verdict. */
  give(verdict: number): void {
    this.instructions.push({ code: RETURN, operand: verdict });
  }

  /** The program in the kernel's form, 8 bytes little endian per instruction. */
  assemble(): Uint8Array {
    assert(this.instructions.length <= MAX_INSTRUCTIONS, "A filter has at most 4096 instructions.");
    const bytes = new Uint8Array(this.instructions.length * INSTRUCTION_BYTES);
    const view = new DataView(bytes.buffer);
    this.instructions.forEach(({ code, operand, yes, no }, i) => {
      const at = i * INSTRUCTION_BYTES;
      view.setUint16(at, code, true);
      view.setUint8(at + 2, this.distance(i, yes));
      view.setUint8(at + 3, this.distance(i, no));
      view.setUint32(at + 4, operand, true);
    });
    return bytes;
  }

  private distance(from: number, to: Label | undefined): number {
    if (to === undefined) return 0;
    const place = this.places.get(to);
    assert(place !== undefined, `The label ${to.name} has no place.`);
    const distance = place - from - 1;
    assert(distance >= 0 && distance <= MAX_JUMP, `The jump to ${to.name} is ${distance} instructions long.`);
    return distance;
  }
}
