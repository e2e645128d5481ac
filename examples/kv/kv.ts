import {
  type CallContext,
  defineRuntime,
  method,
  noArguments,
  nullable,
  refuse,
  struct,
  text,
  toHex,
  u64,
  u64be,
  u8,
  utf8,
} from "qanat/runtime";

const name = text({ max: 8000 });
class Key extends struct("Key", { key: name, generation: u64, churpId: u8 }) {}
class Entry extends struct("Entry", { key: name, value: text({ max: 1 << 20 }), generation: u64, churpId: u8 }) {}

const result = nullable(text({ max: 128 }));
const announce = (ctx: CallContext, operation: string, key: string): void => {
  ctx.emit("kv_op", operation);
  ctx.emit("kv_key", key);
};

const getRuntimeId = method({ args: noArguments, result, execute: (ctx) => toHex(ctx.runtimeId) });

const get = method({
  args: Key,
  result,
  execute(ctx, { key }) {
    announce(ctx, "get", key);
    return ctx.state.getText(key);
  },
});

const remove = method({
  args: Key,
  result,
  execute(ctx, { key }) {
    announce(ctx, "remove", key);
    return ctx.state.takeText(key);
  },
});

const insert = method({
  args: Entry,
  result,
  check: (_, { value }) => utf8(value).length <= 128 || refuse("Value too big to be inserted."),
  execute(ctx, { key, value }) {
    announce(ctx, "insert", key);
    ctx.emit(`kv_insertion.${key}`, "");
    return ctx.state.putText(key, value);
  },
});

/** Keeps texts under texts. Transactions are calls `{sender, nonce, method, args}` that nobody signs: for tests only. */
export const keyValue = defineRuntime({
  version: { major: 0, minor: 0, patch: 0 },
  module: "test",
  beginBlock: (ctx) => ctx.state.insert(Uint8Array.of(2), u64be(ctx.epoch)),
  methods: { get_runtime_id: getRuntimeId, get, insert, remove },
  queries: { get_runtime_id: getRuntimeId, get },
});
