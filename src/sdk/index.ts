/** For applications: a network seen through nodes that need not be believed, and transactions on it. */
export { type Connection, connect, type ConnectOptions, type Peer } from "./connect.js";
export * from "./errors.js";
export { connectGrpcWeb, type FetchAnswer, type FetchRequest, type WebWorld } from "./grpc-web-channel.js";
export { FeeTooHigh, Sender, type SenderOptions } from "./send.js";
export { VerifiedState } from "./verified-state.js";
export { accountFromSeed, accountsFromMnemonic, type WalletAccount } from "./wallet.js";
