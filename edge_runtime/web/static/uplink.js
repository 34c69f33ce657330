// Samples to the runtime in batches. What was not acknowledged is kept, and sent again after a lost connection.
import { Live } from "./live.js";

const BATCH_MS = 50,
  MOST_IN_BATCH = 500,
  KEPT = 120 * 60; // two minutes at 60 a second
const SAMPLE_BYTES = 32,
  HEADER_BYTES = 8,
  BUSY = 4409,
  FULL_BYTES = 64 * 1024;

export class Uplink {
  // tell({state, ...}): "connected" with the runtime's wishes, "lost", "refused", "busy"
  constructor(tell) {
    this.tell = tell;
    this.session = crypto.randomUUID?.() ?? String(Math.random());
    this.kept = []; // samples from number `first` on
    this.first = 0; // number of the oldest kept
    this.next = 0; // number of the next to send
    this.dropped = 0;
    this.ready = false;
    this.live = new Live("/phone", {
      open: (socket) => {
        socket.send(JSON.stringify({ session: this.session }));
        socket.addEventListener("close", ({ code }) => {
          this.ready = false;
          if (code === BUSY) {
            this.live.close();
            this.tell({ state: "busy" });
          }
        });
      },
      text: (message) => this.hear(message),
      lost: (seconds) => this.tell({ state: "lost", seconds }),
      refused: () => this.tell({ state: "refused" }),
    });
    this.timer = setInterval(() => this.send(), BATCH_MS);
  }

  get waiting() {
    return this.kept.length;
  }

  push(sample) {
    this.kept.push(sample);
    if (this.kept.length > KEPT) {
      this.kept.shift();
      this.first += 1;
      this.dropped += 1;
    }
  }

  hear(message) {
    const gone = Math.max(0, message.received - this.first);
    this.kept.splice(0, gone);
    this.first += gone;
    if (message.channels) {
      this.next = this.first;
      this.ready = true;
      this.tell({ state: "connected", ...message });
    }
  }

  send() {
    const socket = this.live.socket;
    this.next = Math.max(this.next, this.first);
    const batch = this.kept.slice(this.next - this.first, this.next - this.first + MOST_IN_BATCH);
    if (
      !this.ready ||
      !batch.length ||
      socket.readyState !== WebSocket.OPEN ||
      socket.bufferedAmount > FULL_BYTES
    )
      return;
    const view = new DataView(new ArrayBuffer(HEADER_BYTES + SAMPLE_BYTES * batch.length));
    view.setFloat64(0, this.next, true);
    batch.forEach(([timeMs, ...values], i) => {
      const at = HEADER_BYTES + SAMPLE_BYTES * i;
      view.setFloat64(at, timeMs, true);
      values.forEach((value, k) => view.setFloat32(at + 8 + 4 * k, value, true));
    });
    socket.send(view.buffer);
    this.next += batch.length;
  }

  close() {
    clearInterval(this.timer);
    this.send();
    this.live.close();
  }
}
