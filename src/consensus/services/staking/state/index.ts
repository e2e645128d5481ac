export * from "./accounts.js";
export * from "./claims.js";
export * from "./rewards.js";
export * from "./share-pool.js";
export * from "./transfers.js";
