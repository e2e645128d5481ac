/** A runtime of the kit, or off-chain logic beside it, in a process of its own, as `qanat/runtime/process`. */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { Fault, InvalidInput } from "#common/errors/index.js";
import type { RuntimeProgram } from "#runtime/kit/define-runtime.js";
import type { HostChannel } from "#runtime/kit/host-calls.js";
import { serve } from "#runtime/kit/serve.js";
import { MAX_MESSAGE_BYTES } from "#runtime/rhp/messages/limits.js";
import { systemEntropy } from "./entropy.js";
import { HOST_SOCKET } from "./host-socket.js";
import { SOCKET_THREAD, type SocketThreadData } from "./socket-thread.js";

export { startComponent } from "./component-process.js";

const FAILURE = 1;

/** Messages by way of the socket thread: this thread sleeps until there is one. */
function openChannel(path: string): HostChannel {
  const { port1: port, port2: far } = new MessageChannel();
  const given = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const data: SocketThreadData = { path, port: far, given, maxMessageBytes: MAX_MESSAGE_BYTES };
  new Worker(SOCKET_THREAD, { eval: true, workerData: data, transferList: [far] });
  return {
    receive() {
      for (;;) {
        const seen = Atomics.load(given, 0);
        const next = receiveMessageOnPort(port) as { message: Uint8Array | null } | undefined;
        if (next !== undefined) {
          if (Atomics.load(given, 1) === 0) throw new Fault(`nobody listens at ${path}`);
          return next.message ?? undefined;
        }
        Atomics.wait(given, 0, seen);
      }
    },
    send(message) {
      // What a message lies in may be larger than the message, and would be handed over as a whole.
      const own = message.slice();
      port.postMessage(own, [own.buffer]);
    },
  };
}

/**
 * Runs a program for the host that started this process, and ends the process when the host is gone. The program keeps
 * this thread to itself: timers and promises do not run.
 *
 * @throws InvalidInput when no host started this process
 */
export function startRuntime(program: RuntimeProgram): never {
  const path = process.env[HOST_SOCKET];
  if (path === undefined) {
    throw new InvalidInput(HOST_SOCKET, "not set; a runtime is started by its host, for example by qanat dev");
  }
  try {
    const dropped = (reason: string): void => void process.stderr.write(`message dropped: ${reason}\n`);
    serve(program, openChannel(path), dropped, systemEntropy);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(FAILURE);
  }
  process.exit(0);
}
