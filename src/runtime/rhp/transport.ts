/**
 * One end of a stream between host and runtime. It carries bytes in order and keeps no message boundaries: a socket
 * and an in-process queue look the same to the connection.
 */
export interface Duplex {
  /** Sends bytes; they must not be changed afterwards. Ignored after the stream has closed. */
  send(bytes: Uint8Array): void;
  /** Starts delivery; called once, before which nothing may arrive. */
  open(receiver: DuplexReceiver): void;
  /** Ends the stream in both directions; both ends learn of it. */
  close(): void;
}

/** Who listens at one end of a stream. */
export interface DuplexReceiver {
  /** The next bytes. */
  data(bytes: Uint8Array): void;
  /** No more bytes will come. Called once. */
  closed(): void;
}
