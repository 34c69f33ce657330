// The newest samples of each sensor, drawn by uPlot.
import { colour } from "./theme.js";
import { element } from "./words.js";

const SHOWN_S = 10,
  BREAK_S = 0.5,
  HEIGHT = 150;
const NAMES = { acc: "Accelerometer", gyro: "Gyroscope" };

export class Traces {
  // channels: names such as acc_x; units: sensor to unit
  constructor(place, channels, units, uPlot) {
    this.place = place;
    this.uPlot = uPlot;
    this.times = [];
    this.values = channels.map(() => []);
    this.sensors = Object.entries(group(channels)).map(([sensor, parts]) => ({
      sensor,
      parts,
      unit: (units[sensor] ?? "").replace("^2", "²"),
    }));
    this.build();
    new ResizeObserver(() => this.resize()).observe(place);
  }

  build() {
    this.place.replaceChildren();
    this.plots = this.sensors.map(({ sensor, parts, unit }) => {
      const heading = element(
        "h3",
        {},
        `${NAMES[sensor] ?? sensor}, ${unit}`,
        ...parts.map(({ name }) =>
          element("span", { className: name.split("_")[1], textContent: name.split("_")[1] }),
        ),
      );
      const box = element("div", { className: "trace" }, heading);
      const plot = element("div", {});
      plot.setAttribute("role", "img");
      plot.setAttribute(
        "aria-label",
        `${NAMES[sensor] ?? sensor} over the last ${SHOWN_S} seconds`,
      );
      box.append(plot);
      this.place.append(box);
      const axis = {
        stroke: colour("quiet"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { stroke: colour("line") },
      };
      return new this.uPlot(
        {
          width: this.place.clientWidth || 300,
          height: HEIGHT,
          legend: { show: false },
          cursor: { show: false },
          scales: { x: { time: false, range: () => [-SHOWN_S, 0] } },
          axes: [
            { ...axis, size: 28, values: (u, ticks) => ticks.map((t) => `${t} s`) },
            { ...axis, size: 42 },
          ],
          series: [
            {},
            ...parts.map(({ name }) => ({
              label: name,
              stroke: colour(name.split("_")[1]),
              width: 1.25,
            })),
          ],
        },
        this.data(parts),
        plot,
      );
    });
  }

  push(times, rows, channels) {
    for (let i = 0; i < times.length; i++) {
      const last = this.times.at(-1);
      if (last !== undefined && times[i] < last) this.clear();
      else if (last !== undefined && times[i] - last > BREAK_S)
        this.append(last + 1e-6, null, 0, channels);
      this.append(times[i], rows, i, channels);
    }
    const first = this.times.findIndex((t) => t >= this.times.at(-1) - SHOWN_S);
    if (first > 0) [this.times, ...this.values].forEach((list) => list.splice(0, first));
    this.dirty = true;
  }

  append(time, rows, i, channels) {
    this.times.push(time);
    this.values.forEach((list, column) =>
      list.push(rows === null ? null : rows[i * channels + column]),
    );
  }

  clear() {
    [this.times, ...this.values].forEach((list) => list.splice(0));
  }

  data(parts) {
    const end = this.times.at(-1);
    return [this.times.map((t) => t - end), ...parts.map(({ column }) => this.values[column])];
  }

  draw() {
    if (!this.dirty) return;
    this.dirty = false;
    this.plots.forEach((plot, i) => plot.setData(this.data(this.sensors[i].parts)));
  }

  resize() {
    this.plots.forEach((plot) => plot.setSize({ width: this.place.clientWidth, height: HEIGHT }));
  }
}

function group(channels) {
  const sensors = {};
  channels.forEach((name, column) => (sensors[name.split("_")[0]] ??= []).push({ name, column }));
  return sensors;
}
