// The dashboard's panel Teach: record, redo and delete motions, and see what has been learnt.
import { $, counted, element, percent } from "./page.js";

/** Sends the server the user's commands, and shows the state of teaching that it answers with. */
export class TeachPanel {
  /**
   * @param {(command: {do: string, label?: string}) => void} send sends a command to the server:
   *   "record", "redo" or "remove" a label, record the "background", or "cancel" a recording
   */
  constructor(send) {
    this.send = send;
    this.shownTable = ""; // what the table shows now, as JSON
    $("teach-form").addEventListener("submit", (event) => {
      event.preventDefault();
      send({ do: "record", label: $("motion").value.trim() });
      $("motion").value = "";
    });
    $("cancel").addEventListener("click", () => send({ do: "cancel" }));
  }

  /**
   * Show a state.
   * @param {object} state the server's message "lessons"
   */
  show(state) {
    $("teach").hidden = false;
    this.showRecording(state.recording);
    // Setting the same text again would make screen readers repeat it.
    if ($("lesson").textContent !== state.said) $("lesson").textContent = state.said;
    $("lesson").dataset.state = state.bad ? "bad" : "good";
    $("notes").replaceChildren(...state.notes.map((text) => element("li", { textContent: text })));
    this.showTable(state);
    $("summary").textContent = summary(state);
  }

  showRecording(recording) {
    $("recording").hidden = !recording;
    $("record").disabled = Boolean(recording);
    if (!recording) return;
    const task =
      recording.do === "background"
        ? "Do anything except the motions"
        : `Perform “${recording.label}” again and again`;
    $("perform").textContent =
      recording.starts_in_s > 0
        ? `${task}, in ${Math.ceil(recording.starts_in_s)} …`
        : `${task}: go!`;
    $("progress").max = recording.wanted_s;
    $("progress").value = recording.lasted_s;
  }

  // The table is built again only if it changed, and the focused button keeps the focus.
  showTable({ windows, background_s: backgroundS, seconds, background_wanted_s, recording }) {
    const isRecording = Boolean(recording);
    const table = JSON.stringify([windows, backgroundS, isRecording]);
    if (table === this.shownTable) return;
    this.shownTable = table;

    const button = (text, description, command) => {
      const created = element("button", {
        type: "button",
        textContent: text,
        disabled: isRecording,
      });
      created.setAttribute("aria-label", description);
      created.addEventListener("click", () => this.send(command));
      return created;
    };
    const rows = Object.entries(windows).map(([label, count]) =>
      tableRow(
        label,
        counted(count, "example"),
        button("More", `record ${seconds} s more of ${label}`, { do: "record", label }),
        " ",
        button("Redo", `record ${label} again`, { do: "redo", label }),
        " ",
        button("Delete", `delete ${label}`, { do: "remove", label }),
      ),
    );
    const recordBackground = button(
      `Record ${background_wanted_s} s`,
      `record ${background_wanted_s} s of anything except the motions`,
      { do: "background" },
    );
    const recorded = backgroundS ? `${backgroundS.toFixed(0)} s` : "not recorded";
    rows.push(tableRow("none of these", recorded, recordBackground));

    const focused = document.activeElement?.getAttribute("aria-label");
    $("taught").tBodies[0].replaceChildren(...rows);
    if (!focused) return;
    [...$("taught").querySelectorAll("button")]
      .find((candidate) => candidate.getAttribute("aria-label") === focused)
      ?.focus();
  }
}

function tableRow(name, count, ...buttons) {
  const heading = element("th", { textContent: name });
  heading.scope = "row";
  return element(
    "tr",
    {},
    heading,
    element("td", { textContent: count }),
    element("td", {}, ...buttons),
  );
}

function summary({ accuracy, background_s: backgroundS, file, missing, windows }) {
  const sentences = [];
  if (missing) sentences.push(`Not ready: ${missing}.`);
  else if (accuracy !== null)
    sentences.push(
      `${percent(accuracy)} of the examples are recognised when they are left out of the training.`,
    );
  if (Object.keys(windows).length || backgroundS) sentences.push(`Saved in ${file}.`);
  return sentences.join(" ");
}
