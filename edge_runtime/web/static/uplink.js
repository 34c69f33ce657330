// Sends the phone's samples to the runtime.
import { Connection } from "./connection.js";

const BATCH_MS = 50;
const MAX_BATCH_SAMPLES = 500;
const MAX_KEPT_SAMPLES = 120 * 60; // two minutes at 60 Hz
const MAX_UNSENT_BYTES = 64 * 1024; // in the socket; with more, the next batch waits
const HEADER_BYTES = 8;
const SAMPLE_BYTES = 32;
const CLOSED_AS_BUSY = 4409; // the server's close code if another phone is connected

/**
 * Sends samples in batches, each numbered by its first sample. Samples are kept until the server
 * acknowledges them, and are sent again after a lost connection.
 */
export class Uplink {
  /**
   * Connect.
   * @param {(event: {state: string}) => void} onState gets {state: "connected", rate_hz, ...} with
   *   the rest of the server's message, {state: "lost", seconds} with the seconds until the next
   *   attempt, {state: "refused"} or {state: "busy"}
   */
  constructor(onState) {
    this.onState = onState;
    this.session = crypto.randomUUID?.() ?? String(Math.random());
    this.kept = []; // samples that are not acknowledged
    this.firstKept = 0; // number of the oldest kept sample
    this.next = 0; // number of the next sample to send
    this.dropped = 0; // samples dropped because too many were kept
    this.ready = false;
    this.connection = new Connection("/phone", {
      onOpen: (socket) => {
        socket.send(JSON.stringify({ session: this.session }));
        socket.addEventListener("close", ({ code }) => {
          this.ready = false;
          if (code === CLOSED_AS_BUSY) {
            this.connection.close();
            this.onState({ state: "busy" });
          }
        });
      },
      onMessage: (message) => this.acknowledge(message),
      onLost: (seconds) => this.onState({ state: "lost", seconds }),
      onRefused: () => this.onState({ state: "refused" }),
    });
    this.timer = setInterval(() => this.sendBatch(), BATCH_MS);
  }

  /** Number of samples that are not acknowledged. */
  get waiting() {
    return this.kept.length;
  }

  /**
   * Queue a sample.
   * @param {number[]} sample [time in ms, three accelerations in m/s², three rates in rad/s]
   */
  push(sample) {
    this.kept.push(sample);
    if (this.kept.length > MAX_KEPT_SAMPLES) {
      this.kept.shift();
      this.firstKept += 1;
      this.dropped += 1;
    }
  }

  /** Send one more batch, and disconnect. */
  close() {
    clearInterval(this.timer);
    this.sendBatch();
    this.connection.close();
  }

  /** Connect again now, for example with a new token. */
  reconnect() {
    this.connection.open();
  }

  // The server's first message of a connection also has the model's channels and rate.
  acknowledge(message) {
    const acknowledged = Math.max(0, message.received - this.firstKept);
    this.kept.splice(0, acknowledged);
    this.firstKept += acknowledged;
    if (message.channels) {
      this.next = this.firstKept;
      this.ready = true;
      this.onState({ state: "connected", ...message });
    }
  }

  sendBatch() {
    const { socket } = this.connection;
    this.next = Math.max(this.next, this.firstKept);
    const start = this.next - this.firstKept;
    const batch = this.kept.slice(start, start + MAX_BATCH_SAMPLES);
    const canSend =
      this.ready &&
      socket.readyState === WebSocket.OPEN &&
      socket.bufferedAmount <= MAX_UNSENT_BYTES;
    if (!canSend || !batch.length) return;
    const view = new DataView(new ArrayBuffer(HEADER_BYTES + SAMPLE_BYTES * batch.length));
    view.setFloat64(0, this.next, true);
    batch.forEach(([timeMs, ...values], i) => {
      const offset = HEADER_BYTES + SAMPLE_BYTES * i;
      view.setFloat64(offset, timeMs, true);
      values.forEach((value, k) => view.setFloat32(offset + 8 + 4 * k, value, true));
    });
    socket.send(view.buffer);
    this.next += batch.length;
  }
}
