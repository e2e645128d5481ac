export { type CallOptions, type Channel, type Client, createClient } from "./client.js";
export { follow, type Followed } from "./follow.js";
export { pump, type StreamEnd, type StreamSink } from "./pump.js";
export { type Answer, type Call, type CallObserver, type Handlers, RpcHandler } from "./server.js";
export { errorOf, MAX_MESSAGE_SIZE, RpcCode, RpcError, type RpcStatus, rpcErrors, statusOf } from "./status.js";
export { defineMethods, methodPath, type Methods, type MethodTable, stream, unary } from "./table.js";
