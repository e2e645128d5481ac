import { Option } from "commander";

/** An option that may be given several times. */
export function repeated(flags: string, description: string): Option {
  const collect = (word: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), word];
  return new Option(flags, `${description} (repeatable)`).argParser(collect);
}
