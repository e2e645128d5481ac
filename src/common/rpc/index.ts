export { Cancellation } from "./cancellation.js";
export { type CallOptions, type Channel, type Client, createClient } from "./client.js";
export { DEFAULT_FEED_LIMIT, watch } from "./feed.js";
export { pump, type StreamEnd } from "./pump.js";
export { type Answer, type Call, type Handlers, RpcHandler } from "./server.js";
export { errorOf, MAX_MESSAGE_SIZE, RpcCode, RpcError, type RpcStatus, rpcErrors, statusOf } from "./status.js";
export { defineMethods, methodPath, type Methods, type MethodTable, stream, unary } from "./table.js";
