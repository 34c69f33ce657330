// The table of decisions.
import { clock, percent, element } from "./page.js";

const MAX_ROWS = 60;

/**
 * A table with a row for consecutive decisions that agree: from when to when, how many, how
 * probable.
 */
export class Decisions {
  constructor(body) {
    this.body = body;
    body.replaceChildren();
    this.spell = null;
  }

  /** Add a decision to the newest row, or begin a new one. */
  push(decision) {
    const name = decision.label ?? decision.state;
    const { spell } = this;
    if (!spell || spell.name !== name || spell.state !== decision.state || decision.event) {
      this.begin(name, decision);
    }
    this.extend(decision);
  }

  begin(name, decision) {
    const cells = Array.from({ length: 5 }, () => element("td"));
    this.spell = { name, state: decision.state, count: 0, sum: 0, cells };
    const row = element("tr", {}, ...cells);
    row.dataset.state = decision.state;
    cells[0].textContent = clock(decision.time_s);
    cells[2].textContent = name;
    this.body.prepend(row);
    while (this.body.children.length > MAX_ROWS) this.body.lastChild.remove();
  }

  extend(decision) {
    const { spell } = this;
    spell.count += 1;
    spell.sum += decision.probability ?? 0;
    spell.cells[1].textContent = clock(decision.time_s);
    spell.cells[3].textContent = spell.count;
    spell.cells[4].textContent = decision.latency_us ? percent(spell.sum / spell.count) : "–";
  }
}
