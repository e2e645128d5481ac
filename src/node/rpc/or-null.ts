/** A list as the reference answers it where it collects into a list that was never made: null when it is empty. */
export function orNull<T>(items: T[]): T[] | null {
  return items.length === 0 ? null : items;
}
