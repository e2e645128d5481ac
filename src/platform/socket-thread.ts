import type { MessagePort } from "node:worker_threads";

/** What the socket thread shares with the runtime's thread. */
export interface SocketThreadData {
  readonly path: string;
  /** Takes messages to send, gives messages that arrived; null when the connection has closed. */
  readonly port: MessagePort;
  /** Counts what was given, for which the runtime's thread waits; and 1 once there has been a connection. */
  readonly given: Int32Array;
  readonly maxMessageBytes: number;
}

/**
 * The thread that owns the socket. It runs from its own text, so that a runtime is a single file: it may use nothing but
 * its own lines, and no line of it may need help from a compiler.
 *
 * Pings are answered here, also while the runtime works: a long batch is no reason to be killed.
 */
function socketThread(): void {
  const { createConnection } = process.getBuiltinModule("node:net");
  const { workerData } = process.getBuiltinModule("node:worker_threads");
  const { path, port, given, maxMessageBytes } = workerData as SocketThreadData;
  // {"id": …, "body": {"RuntimePingRequest": {}}, "message_type": 1}, of which only the number differs.
  const before = Buffer.from("a3626964", "hex");
  const after = Buffer.from("64626f6479a17252756e74696d6550696e6752657175657374a06c6d6573736167655f7479706501", "hex");
  const answer = Buffer.from("64626f6479a165456d707479a06c6d6573736167655f7479706502", "hex");
  const socket = createConnection(path);
  let parts: Buffer[] = [];
  let size = 0;

  function give(message: Uint8Array | null): void {
    port.postMessage(message, message === null ? [] : [message.buffer as ArrayBuffer]);
    Atomics.add(given, 0, 1);
    Atomics.notify(given, 0);
  }

  function frame(...content: Uint8Array[]): void {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(content.reduce((sum, { length }) => sum + length, 0));
    socket.cork();
    for (const part of [head, ...content]) socket.write(part);
    socket.uncork();
  }

  function arrived(message: Buffer): void {
    const isPing =
      message.length <= 64 &&
      message.subarray(0, 4).equals(before) &&
      message.subarray(message.length - after.length).equals(after);
    if (isPing) frame(before, message.subarray(4, message.length - after.length), answer);
    else give(new Uint8Array(message));
  }

  function end(): void {
    socket.destroy();
    give(null);
  }

  function read(chunk: Buffer): void {
    parts.push(chunk);
    size += chunk.length;
    while (size >= 4) {
      const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      parts = [all];
      const length = all.readUInt32BE(0);
      if (length > maxMessageBytes) {
        end();
        return;
      }
      if (size < 4 + length) return;
      arrived(all.subarray(4, 4 + length));
      parts = [all.subarray(4 + length)];
      size -= 4 + length;
    }
  }

  socket.once("connect", () => Atomics.store(given, 1, 1));
  socket.on("data", read);
  socket.once("error", end);
  socket.once("close", end);
  process.once("uncaughtException", end);
  port.on("message", (message: Uint8Array) => frame(message));
}

/** The thread's program. Some compilers name functions by a helper of theirs, which is not there. */
export const SOCKET_THREAD = `globalThis.__name = (f) => f;\n(${socketThread.toString()})();`;
