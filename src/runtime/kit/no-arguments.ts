import { DecodeError } from "#common/errors/index.js";
import { define, type Schema } from "#common/schema/index.js";

/** Arguments of a method that takes none, and results of one that says nothing: null. */
export const noArguments: Schema<null> = define<null>({
  typeName: "no arguments",
  ownsNull: true,
  write: (w) => w.null(),
  readValue(r) {
    if (!r.tryNull()) throw new DecodeError("expected null");
    return null;
  },
  toJson: () => null,
  fromJson: () => null,
  zero: () => null,
  isEmpty: () => true,
});
