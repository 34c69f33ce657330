// The dashboard's panel Sensor: charts of the newest samples, drawn by uPlot.
import { colour, element } from "./page.js";

const SHOWN_S = 10; // of samples
const BREAK_S = 0.5; // a longer gap interrupts the traces
const TRACE_HEIGHT_PX = 150;
const SENSOR_NAMES = { acc: "Accelerometer", gyro: "Gyroscope" };

/** The samples of the newest seconds, one uPlot chart per sensor. */
export class SensorTraces {
  /**
   * @param {HTMLElement} place filled with the charts
   * @param {string[]} channels names such as "acc_x", in the order of a sample's values
   * @param {Object<string, string>} units sensor to unit, such as {acc: "m/s^2"}
   * @param {Function} uPlot the library's constructor
   */
  constructor(place, channels, units, uPlot) {
    this.place = place;
    this.uPlot = uPlot;
    this.times = []; // seconds
    this.values = channels.map(() => []); // a list per channel; null interrupts the line
    this.needsDrawing = false;
    this.sensors = Object.entries(groupBySensor(channels)).map(([sensor, columns]) => ({
      name: SENSOR_NAMES[sensor] ?? sensor,
      unit: (units[sensor] ?? "").replace("^2", "²"),
      columns,
    }));
    this.build();
    new ResizeObserver(() => this.resize()).observe(place);
  }

  /** Create the charts, at first and again after the theme changed. */
  build() {
    this.place.replaceChildren();
    this.plots = this.sensors.map((sensor) => {
      const legend = sensor.columns.map(({ axis }) =>
        element("span", { className: axis, textContent: axis }),
      );
      const heading = element("h3", {}, `${sensor.name}, ${sensor.unit}`, ...legend);
      const chart = element("div");
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", `${sensor.name} over the last ${SHOWN_S} seconds`);
      this.place.append(element("div", { className: "trace" }, heading, chart));
      return this.plot(sensor.columns, chart);
    });
  }

  plot(columns, chart) {
    const axisStyle = {
      stroke: colour("quiet"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { stroke: colour("line") },
    };
    const lines = columns.map(({ channel, axis }) => ({
      label: channel,
      stroke: colour(axis),
      width: 1.25,
    }));
    const options = {
      width: this.place.clientWidth || 300,
      height: TRACE_HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: () => [-SHOWN_S, 0] } },
      axes: [
        { ...axisStyle, size: 28, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
        { ...axisStyle, size: 42 },
      ],
      series: [{}, ...lines],
    };
    return new this.uPlot(options, this.plotData(columns), chart);
  }

  /**
   * Add samples. draw() shows them.
   * @param {Float64Array} times seconds
   * @param {Float32Array} samples (times x channels), a row for each sample
   */
  add(times, samples) {
    const channels = this.values.length;
    for (let i = 0; i < times.length; i++) {
      const last = this.times.at(-1);
      if (last !== undefined && times[i] < last) this.clear();
      else if (last !== undefined && times[i] - last > BREAK_S)
        this.append(last + 1e-6, new Array(channels).fill(null));
      this.append(times[i], samples.subarray(i * channels, (i + 1) * channels));
    }
    const newest = this.times.at(-1);
    const first = this.times.findIndex((time) => time >= newest - SHOWN_S);
    if (first > 0) [this.times, ...this.values].forEach((list) => list.splice(0, first));
    this.needsDrawing = true;
  }

  append(time, values) {
    this.times.push(time);
    this.values.forEach((list, column) => list.push(values[column]));
  }

  clear() {
    [this.times, ...this.values].forEach((list) => list.splice(0));
  }

  plotData(columns) {
    const newest = this.times.at(-1);
    return [
      this.times.map((time) => time - newest),
      ...columns.map(({ column }) => this.values[column]),
    ];
  }

  /** Draw the charts if there are new samples. */
  draw() {
    if (!this.needsDrawing) return;
    this.needsDrawing = false;
    this.plots.forEach((plot, i) => plot.setData(this.plotData(this.sensors[i].columns)));
  }

  resize() {
    const size = { width: this.place.clientWidth, height: TRACE_HEIGHT_PX };
    this.plots.forEach((plot) => plot.setSize(size));
  }
}

// ["acc_x", "gyro_x"] -> {acc: [{channel: "acc_x", axis: "x", column: 0}], gyro: [...]}
function groupBySensor(channels) {
  const columnsBySensor = {};
  channels.forEach((channel, column) => {
    const [sensor, axis] = channel.split("_");
    columnsBySensor[sensor] ??= [];
    columnsBySensor[sensor].push({ channel, axis, column });
  });
  return columnsBySensor;
}
