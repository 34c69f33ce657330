// The dashboard's panels of text and bitmaps: class probabilities, the network's input images, and
// the figures of stream and machine.
import { colour, counted, element, milliseconds, percent } from "./page.js";

const SHOWN_DECISIONS = 96; // per class
const SILENT_S = 1; // without samples, the figure is highlighted

/** A table row per class: its probability over the newest decisions as a strip, and now. */
export class ClassTable {
  /**
   * @param {HTMLTableSectionElement} body filled with the rows
   * @param {string[]} labels
   */
  constructor(body, labels) {
    this.decisions = [];
    this.needsDrawing = false;
    this.rows = labels.map((label) => {
      const canvas = element("canvas", { width: SHOWN_DECISIONS, height: 1 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute(
        "aria-label",
        `probability of ${label} over the last ${SHOWN_DECISIONS} decisions`,
      );
      const now = element("td", { textContent: "–" });
      const heading = element("th", { textContent: label });
      heading.scope = "row";
      const row = element("tr", {}, heading, element("td", {}, canvas), now);
      return { label, row, canvas, now };
    });
    body.replaceChildren(...this.rows.map(({ row }) => row));
  }

  /**
   * Add a decision. draw() shows it.
   * @param {object} decision as in the server's messages
   */
  add(decision) {
    this.decisions.push(decision);
    this.decisions.splice(0, this.decisions.length - SHOWN_DECISIONS);
    this.needsDrawing = true;
  }

  /** Make the next draw() draw everything again, because the theme changed. */
  invalidate() {
    this.needsDrawing = true;
  }

  /** Draw the strips if anything changed. */
  draw() {
    if (!this.needsDrawing || !this.decisions.length) return;
    this.needsDrawing = false;
    const stripColour = colour("strip");
    const missingColour = colour("line");
    const newest = this.decisions.at(-1);
    for (const { label, row, canvas, now } of this.rows) {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, SHOWN_DECISIONS, 1);
      const left = SHOWN_DECISIONS - this.decisions.length;
      this.decisions.forEach((decision, i) => {
        const probability = decision.probabilities[label];
        context.fillStyle =
          probability === undefined ? missingColour : `rgb(${stripColour} / ${probability})`;
        context.fillRect(left + i, 0, 1, 1);
      });
      now.textContent = percent(newest.probabilities[label]);
      row.setAttribute("aria-current", String(newest.label === label));
    }
  }
}

/** The network's input images of the newest decision. The server sends their pixels. */
export class InputImages {
  /**
   * @param {HTMLElement} place filled with a figure per image
   * @param {{height: number, width: number, titles: string[]} | null} spec size in pixels, and a
   *   title per image; null if the model computes its images inside the network
   */
  constructor(place, spec) {
    this.spec = spec;
    this.newest = null;
    this.canvases = [];
    if (!spec) {
      place.replaceChildren(
        element("p", {
          className: "quiet",
          textContent:
            "This model computes its spectrograms inside the network, so they cannot be shown. " +
            "Export it with --frontend host to see them.",
        }),
      );
      return;
    }
    const figures = spec.titles.map((title) => {
      const canvas = element("canvas", { width: spec.width, height: spec.height });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `spectrogram of ${title}`);
      this.canvases.push(canvas);
      return element("figure", {}, canvas, element("figcaption", { textContent: title }));
    });
    place.replaceChildren(...figures);
  }

  /**
   * Set the images that draw() shows.
   * @param {number} timeS the decision's time, seconds
   * @param {Uint8Array} pixels (images x height x width x RGB)
   */
  set(timeS, pixels) {
    this.newest = { timeS, pixels };
  }

  /** Draw the images if there are new ones. */
  draw() {
    if (!this.newest || !this.spec) return;
    const { timeS, pixels } = this.newest;
    const { width, height } = this.spec;
    const imagePixels = width * height;
    this.newest = null;
    this.canvases.forEach((canvas, n) => {
      const context = canvas.getContext("2d");
      const image = context.createImageData(width, height);
      for (let i = 0; i < imagePixels; i++) {
        const source = 3 * (n * imagePixels + i);
        image.data[4 * i] = pixels[source];
        image.data[4 * i + 1] = pixels[source + 1];
        image.data[4 * i + 2] = pixels[source + 2];
        image.data[4 * i + 3] = 255;
      }
      context.putImageData(image, 0, 0);
      canvas.dataset.time = timeS;
    });
  }
}

/** The figures of the stream, the computation and the machine, as a list of names and values. */
export class HealthList {
  /**
   * @param {HTMLDListElement} list filled with the figures
   * @param {number} modelRateHz samples per second that the model expects
   */
  constructor(list, modelRateHz) {
    this.list = list;
    this.modelRateHz = modelRateHz;
    this.missedUpdates = 0;
    this.valueByName = new Map();
    list.replaceChildren();
  }

  /**
   * Show the newest figures.
   * @param {object} health as in the server's message "update"
   * @param {number} skipped updates that this page missed since the previous one
   */
  show(health, skipped) {
    this.missedUpdates += skipped;
    this.showStream(health);
    this.showComputation(health);
    if (this.missedUpdates) {
      const missed = counted(this.missedUpdates, "update");
      this.set("this page", `missed ${missed}: the page or its network is too slow`, true);
    }
  }

  showStream({ counts, fill, left_out: skippedBySource, rate_hz: rateHz, silent_s: silentS }) {
    const dropped = counts.late + counts.duplicate + counts.refused;
    const skipped = Object.entries(skippedBySource).map(([what, n]) => counted(n, what));
    this.set(
      "rate",
      rateHz === null ? "–" : `${rateHz.toFixed(1)} Hz (model: ${this.modelRateHz} Hz)`,
    );
    this.set(
      "last sample",
      silentS === null ? "none yet" : `${silentS.toFixed(1)} s ago`,
      silentS > SILENT_S,
    );
    this.set("window", `${percent(fill)} full`);
    this.set("samples", `${counts.received} received, ${counts.interpolated} interpolated`);
    this.set("gaps", counts.gaps, counts.gaps > 0);
    this.set(
      "dropped",
      `${counts.late} late, ${counts.duplicate} duplicate, ${counts.refused} refused`,
      dropped > 0,
    );
    this.set("skipped by the source", skipped.join(", ") || "nothing", skipped.length > 0);
  }

  showComputation({ latency_us: latencyUs, cpu, memory_mb: memoryMb, temperature_c: celsius }) {
    this.set("front end", latencyUs ? milliseconds(latencyUs.frontend) : "–");
    this.set("network", latencyUs ? milliseconds(latencyUs.inference) : "–");
    this.set("whole decision", latencyUs ? `${milliseconds(latencyUs.total)} at the median` : "–");
    this.set("processor", cpu === null ? "–" : `${(100 * cpu).toFixed(1)} % of one core`);
    this.set("memory", memoryMb === null ? "–" : `${memoryMb.toFixed(0)} MB`);
    this.set("temperature", celsius === null ? "not available" : `${celsius.toFixed(0)} °C`);
  }

  set(name, text, isBad = false) {
    if (!this.valueByName.has(name)) {
      const value = element("dd");
      this.valueByName.set(name, value);
      this.list.append(element("dt", { textContent: name }), value);
    }
    const value = this.valueByName.get(name);
    value.textContent = text;
    value.dataset.state = isBad ? "bad" : "good";
  }
}
