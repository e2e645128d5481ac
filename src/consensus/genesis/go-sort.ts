/** Sorts a copy as the reference's language does; up to 12 items that is a stable sort. */
export function sortLikeGo<T>(items: readonly T[], less: (a: T, b: T) => boolean): T[] {
  return [...items].sort((a, b) => (less(a, b) ? -1 : less(b, a) ? 1 : 0));
}
