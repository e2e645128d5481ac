/** In place of the memory of answers, where a benchmark wants each answer to be worked out. */
export class RecentMap {
  get(): undefined {
    return undefined;
  }

  set(): void {}
}
