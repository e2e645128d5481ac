import type { Duplex, DuplexReceiver } from "../rhp/transport.js";

/** One end of a stream within the process. What one end sends, the other gets later, never during the call. */
class QueueEnd implements Duplex {
  peer: QueueEnd | undefined;
  private receiver: DuplexReceiver | undefined;
  private readonly arrived: Uint8Array[] = [];
  private open_ = true;
  private ending = false;
  private scheduled = false;

  send(bytes: Uint8Array): void {
    if (this.open_ && !this.ending) this.peer?.arrive(bytes);
  }

  open(receiver: DuplexReceiver): void {
    this.receiver = receiver;
    this.schedule();
  }

  close(): void {
    this.end();
    this.peer?.end();
  }

  private arrive(bytes: Uint8Array): void {
    if (this.ending) return;
    this.arrived.push(bytes);
    this.schedule();
  }

  private end(): void {
    this.ending = true;
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.receiver === undefined) return;
    this.scheduled = true;
    void Promise.resolve().then(() => {
      this.scheduled = false;
      this.deliver();
    });
  }

  private deliver(): void {
    const { receiver } = this;
    if (receiver === undefined || !this.open_) return;
    for (const bytes of this.arrived.splice(0)) receiver.data(bytes);
    if (this.ending && this.arrived.length === 0) {
      this.open_ = false;
      receiver.closed();
    }
  }
}

/** A stream between two parts of one process. */
export function queueStream(): readonly [Duplex, Duplex] {
  const a = new QueueEnd();
  const b = new QueueEnd();
  a.peer = b;
  b.peer = a;
  return [a, b];
}
