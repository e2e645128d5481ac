/** The key-value runtime as a program of its own: a host starts it and talks to it over a socket. */
import { startRuntime } from "qanat/runtime/process";
import { keyValue } from "./kv.ts";

startRuntime(keyValue);
