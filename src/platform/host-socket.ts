/**
 * Environment variable that tells a program where the node listens that has started it (runtime host protocol: start-up
 * sequence).
 */
export const HOST_SOCKET = "OASIS_WORKER_HOST";
