/** A kind of message between services: what is sent and what a subscriber may answer. */
export interface Topic<Q, R> {
  readonly name: string;
  /** Keeps the types of the topic; never called. */
  readonly types?: (message: Q) => R;
}

/** Declares a topic; topics are compared by identity. */
export function defineTopic<Q, R = void>(name: string): Topic<Q, R> {
  return { name };
}
