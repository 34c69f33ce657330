// A bar for each class.
import { element, percent } from "./words.js";

export class Bars {
  constructor(place, labels) {
    this.rows = labels.map((label) => {
      const meter = element("meter", { min: 0, max: 1, value: 0 }),
        number = element("span", { textContent: "–" });
      meter.setAttribute("aria-label", `probability of ${label}`);
      const row = element(
        "div",
        { className: "bar" },
        element("span", { textContent: label }),
        meter,
        number,
      );
      return { label, row, meter, number };
    });
    place.replaceChildren(...this.rows.map(({ row }) => row));
  }

  show(decision) {
    this.rows.forEach(({ label, row, meter, number }, i) => {
      meter.value = decision.probabilities[i] ?? 0;
      number.textContent = percent(decision.probabilities[i]);
      row.setAttribute("aria-current", String(decision.label === label));
    });
  }
}
