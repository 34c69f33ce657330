// Decisions that agree, one after the other, as one line: from when to when, how many, how probable.
import { clock, percent, element } from "./page.js";

const LINES = 60;

export class Decisions {
  constructor(body) {
    this.body = body;
    body.replaceChildren();
    this.spell = null;
  }

  push(decision) {
    const name = decision.label ?? decision.state;
    if (
      !this.spell ||
      this.spell.name !== name ||
      this.spell.state !== decision.state ||
      decision.event
    ) {
      const cells = Array.from({ length: 5 }, () => element("td"));
      this.spell = { name, state: decision.state, count: 0, sum: 0, cells };
      const row = element("tr", {}, ...cells);
      row.dataset.state = decision.state;
      cells[0].textContent = clock(decision.time_s);
      cells[2].textContent = name;
      this.body.prepend(row);
      while (this.body.children.length > LINES) this.body.lastChild.remove();
    }
    const spell = this.spell;
    spell.count += 1;
    spell.sum += decision.probability ?? 0;
    spell.cells[1].textContent = clock(decision.time_s);
    spell.cells[3].textContent = spell.count;
    spell.cells[4].textContent = decision.latency_us ? percent(spell.sum / spell.count) : "–";
  }
}
