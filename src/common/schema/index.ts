export type { Mode } from "../cbor/strictness.js";
export { byteArray, bytes, fixedBytes, raw, type TextForm } from "./bytes.js";
export { list, map, tuple, unionOf, type Variant } from "./collections.js";
export { extension, lazy, named, nullable, omitEmpty, optional } from "./modifiers.js";
export { define, type Definition, type Description, type Infer, type Schema } from "./schema.js";
export { type Forms, versionOf, withForms } from "./forms.js";
export { bool, enumeration, i64, nothing, text, u16, u32, u64, u8 } from "./scalar.js";
export { type Fields, type Shape, struct, type StructClass } from "./struct.js";
export { time, type Timestamp, timestampFromText, timestampToText } from "./time.js";
