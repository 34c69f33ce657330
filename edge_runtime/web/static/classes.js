// A row for each class: its probability over the newest decisions as a strip, and now as a number.
import { colour } from "./theme.js";
import { element, percent } from "./words.js";

const DECISIONS = 96;

export class Classes {
  constructor(body, labels) {
    this.history = [];
    this.rows = labels.map((label) => {
      const canvas = element("canvas", { width: DECISIONS, height: 1 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute(
        "aria-label",
        `probability of ${label} over the last ${DECISIONS} decisions`,
      );
      const now = element("td", { textContent: "–" });
      const heading = element("th", { textContent: label });
      heading.scope = "row";
      const row = element("tr", {}, heading, element("td", {}, canvas), now);
      return { label, row, canvas, now };
    });
    body.replaceChildren(...this.rows.map(({ row }) => row));
  }

  push(decision) {
    this.history.push(decision);
    this.history.splice(0, this.history.length - DECISIONS);
    this.dirty = true;
  }

  draw() {
    if (!this.dirty) return;
    this.dirty = false;
    const ink = colour("strip"),
      missing = colour("line"),
      newest = this.history.at(-1);
    for (const { label, row, canvas, now } of this.rows) {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, DECISIONS, 1);
      this.history.forEach((decision, i) => {
        const p = decision.probabilities[label];
        context.fillStyle = p === undefined ? missing : `rgb(${ink} / ${p})`;
        context.fillRect(DECISIONS - this.history.length + i, 0, 1, 1);
      });
      now.textContent = percent(newest.probabilities[label]);
      row.setAttribute("aria-current", String(newest.label === label));
    }
  }
}
