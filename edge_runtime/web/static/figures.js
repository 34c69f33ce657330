// The stream's and the machine's figures.
import { counted, element, milliseconds, percent } from "./words.js";

const SILENT_S = 1;

export class Figures {
  constructor(list, hello) {
    this.list = list;
    this.hello = hello;
    this.skipped = 0;
    this.cells = new Map();
    list.replaceChildren();
  }

  show(health, skipped) {
    this.skipped += skipped;
    const { counts, latency_us: latency, rate_hz: rate } = health;
    const dropped = counts.late + counts.duplicate + counts.refused;
    this.line(
      "rate",
      rate === null ? "–" : `${rate.toFixed(1)} Hz (model: ${this.hello.rate_hz} Hz)`,
    );
    this.line(
      "last sample",
      health.silent_s === null ? "none yet" : `${health.silent_s.toFixed(1)} s ago`,
      health.silent_s > SILENT_S,
    );
    this.line("window", `${percent(health.fill)} full`);
    this.line("samples", `${counts.received} received, ${counts.interpolated} interpolated`);
    this.line("gaps", counts.gaps, counts.gaps > 0);
    this.line(
      "dropped",
      `${counts.late} late, ${counts.duplicate} duplicate, ${counts.refused} refused`,
      dropped > 0,
    );
    const left = Object.entries(health.left_out)
      .map(([what, n]) => counted(n, what))
      .join(", ");
    this.line("left out by the source", left || "nothing", left !== "");
    this.line("front end", latency ? milliseconds(latency.frontend) : "–");
    this.line("network", latency ? milliseconds(latency.inference) : "–");
    this.line("whole decision", latency ? `${milliseconds(latency.total)} at the median` : "–");
    this.line(
      "processor",
      health.cpu === null ? "–" : `${(100 * health.cpu).toFixed(1)} % of one core`,
    );
    this.line("memory", health.memory_mb === null ? "–" : `${health.memory_mb.toFixed(0)} MB`);
    this.line(
      "temperature",
      health.temperature_c === null
        ? "not told by this machine"
        : `${health.temperature_c.toFixed(0)} °C`,
    );
    if (this.skipped)
      this.line(
        "this page",
        `missed ${counted(this.skipped, "update")}: it or its network is too slow`,
        true,
      );
  }

  line(name, text, bad = false) {
    if (!this.cells.has(name)) {
      const cell = element("dd");
      this.cells.set(name, cell);
      this.list.append(element("dt", { textContent: name }), cell);
    }
    const cell = this.cells.get(name);
    cell.textContent = text;
    cell.dataset.state = bad ? "bad" : "good";
  }
}
