import type { Socket } from "node:net";
import type { Duplex } from "#runtime/rhp/transport.js";

/** How long the other side may leave what we send unread before the stream is closed, in milliseconds. */
const WRITE_DEADLINE_MS = 5000;

/** A connected socket as a stream between host and runtime (runtime host protocol: framing, envelope, errors). */
export function socketDuplex(socket: Socket): Duplex {
  let stuck: NodeJS.Timeout | undefined;
  const drained = (): void => {
    clearTimeout(stuck);
    stuck = undefined;
  };
  socket.pause();
  // Reported by the close that follows; without a listener an error would end this process.
  socket.on("error", () => undefined);
  socket.on("drain", drained);
  return {
    send(bytes) {
      if (socket.destroyed || socket.write(bytes)) return;
      stuck ??= setTimeout(() => socket.destroy(), WRITE_DEADLINE_MS);
    },
    open({ data, closed }) {
      const ended = (): void => {
        drained();
        closed();
      };
      if (socket.destroyed) {
        setImmediate(ended);
        return;
      }
      // Buffers are arrays of another kind: what is decoded from them should not be.
      socket.on("data", (chunk: Buffer) => data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
      socket.once("close", ended);
      // The protocol has no half-open connections.
      socket.once("end", () => socket.destroy());
      socket.resume();
    },
    close: () => void socket.destroy(),
  };
}
