import { afterEach } from "vitest";
import { Qanat } from "./qanat.ts";

/**
 * What starts `qanat` processes in the tests of a file; each ends with its test at the latest. Called once in a file.
 *
 * @param first arguments that all of them get, before their own
 */
export function processes(...first: string[]): (...args: string[]) => Qanat {
  const running: Qanat[] = [];
  afterEach(async () => {
    for (const process of running.splice(0)) await process.dispose();
  });
  return (...args) => {
    const process = new Qanat(...first, ...args);
    running.push(process);
    return process;
  };
}
