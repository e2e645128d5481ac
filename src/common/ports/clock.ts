/** A timer that has been set. */
export interface Timer {
  /** Takes the timer back; without effect when it has fired. */
  cancel(): void;
}

/** The clock port: wall time and timers of the world a node lives in. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /**
   * Calls back once, never before this call has returned.
   *
   * @param ms delay in milliseconds
   */
  setTimer(ms: number, callback: () => void): Timer;
}
