// Teaching by clicks: asks, and shows what the runtime says of it.
import { counted, element, percent } from "./words.js";

const $ = (id) => document.getElementById(id);
const BACKGROUND = "background";

export class Lessons {
  constructor(ask) {
    this.ask = ask;
    $("teach-form").addEventListener("submit", (event) => {
      event.preventDefault();
      ask({ do: "record", label: $("motion").value.trim() });
      $("motion").value = "";
    });
    $("cancel").addEventListener("click", () => ask({ do: "cancel" }));
    this.rows = "";
  }

  show(state) {
    const { recording } = state;
    $("teach").hidden = false;
    $("recording").hidden = !recording;
    $("record").disabled = Boolean(recording);
    if (recording) {
      const what =
        recording.do === BACKGROUND
          ? "Do anything but the motions"
          : `Perform “${recording.label}”, over and over`;
      $("perform").textContent =
        recording.starts_in_s > 0
          ? `${what}, in ${Math.ceil(recording.starts_in_s)} …`
          : `${what}: go!`;
      $("progress").max = recording.wanted_s;
      $("progress").value = recording.lasted_s;
    }
    if ($("lesson").textContent !== state.said) $("lesson").textContent = state.said;
    $("lesson").dataset.state = state.bad ? "bad" : "good";
    $("notes").replaceChildren(...state.notes.map((text) => element("li", { textContent: text })));
    this.list(state, Boolean(recording));
    const judged =
      state.accuracy === null
        ? ""
        : `${percent(state.accuracy)} of the examples are recognised by a head that did not see them. `;
    const taught = Object.keys(state.windows).length || state.background_s;
    $("summary").textContent =
      `${state.missing ? `Not ready: ${state.missing}. ` : judged}${taught ? `Saved in ${state.file}.` : ""}`;
  }

  // The table is only made anew when it changes, so that a button keeps the keyboard's focus.
  list({ windows, background_s: background, seconds, background_wanted_s: wanted }, busy) {
    const rows = JSON.stringify([windows, background, busy]);
    if (rows === this.rows) return;
    this.rows = rows;
    const button = (text, name, command) => {
      const made = element("button", { type: "button", textContent: text, disabled: busy });
      made.setAttribute("aria-label", name);
      made.addEventListener("click", () => this.ask(command));
      return made;
    };
    const line = (name, count, ...buttons) => {
      const heading = element("th", { textContent: name });
      heading.scope = "row";
      return element(
        "tr",
        {},
        heading,
        element("td", { textContent: count }),
        element("td", {}, ...buttons),
      );
    };
    const made = Object.entries(windows).map(([label, n]) =>
      line(
        label,
        counted(n, "example"),
        button("More", `record ${seconds} s more of ${label}`, { do: "record", label }),
        " ",
        button("Redo", `record ${label} anew`, { do: "redo", label }),
        " ",
        button("Delete", `delete ${label}`, { do: "remove", label }),
      ),
    );
    made.push(
      line(
        "none of these",
        background ? `${background.toFixed(0)} s` : "not recorded",
        button(`Record ${wanted} s`, `record ${wanted} s of what is none of the motions`, {
          do: BACKGROUND,
        }),
      ),
    );
    const focused = document.activeElement?.getAttribute("aria-label");
    $("taught").tBodies[0].replaceChildren(...made);
    if (focused)
      [...$("taught").querySelectorAll("button")]
        .find((each) => each.getAttribute("aria-label") === focused)
        ?.focus();
  }
}
