/** Growing lists of rows of an arena and of references to them. */

const FIRST_CAPACITY = 1024;

/** Rows that are not in use, last in first out. */
export class FreeRows {
  #rows = new Int32Array(FIRST_CAPACITY);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(row: number): void {
    if (this.#count === this.#rows.length) {
      const larger = new Int32Array(2 * this.#count);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#count++] = row;
  }

  pop(): number {
    return this.#count === 0 ? 0 : (this.#rows[--this.#count] as number);
  }
}

/** A list of references that grows. */
export class Refs {
  list = new Int32Array(64);
  count = 0;

  push(ref: number): void {
    if (this.count === this.list.length) {
      const larger = new Int32Array(2 * this.count);
      larger.set(this.list);
      this.list = larger;
    }
    this.list[this.count++] = ref;
  }

  /** The same list from its end to its beginning. */
  reversed(): Refs {
    const out = new Refs();
    out.list = this.list.slice(0, this.count).reverse();
    out.count = this.count;
    return out;
  }
}
