export * from "./account.js";
export * from "./commission.js";
export * from "./genesis.js";
export * from "./queries.js";
export * from "./thresholds.js";
export * from "./transactions.js";
