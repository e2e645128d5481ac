import { InvalidInput } from "#common/errors/index.js";

/** A whole number option, or a usage error that names it and its range. */
export function integer(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidInput(name, `expected a whole number from ${min} to ${max}, got "${text}"`);
    }
    return value;
  };
}
