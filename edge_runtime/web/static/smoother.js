// From one window's probabilities to a label: edge_runtime/decision.py's Smoother, once more.
export class Smoother {
  constructor(spec, labels) {
    this.spec = spec;
    this.labels = labels;
    this.reset();
  }

  reset() {
    this.newest = [];
    this.candidate = null;
    this.agreed = 0;
    this.label = null;
    this.eventS = -Infinity;
  }

  decide(timeS, probabilities) {
    this.newest = [...this.newest, Array.from(probabilities)].slice(-this.spec.smoothing_windows);
    const smoothed = this.labels.map(
      (_, i) => this.newest.reduce((sum, p) => sum + p[i], 0) / this.newest.length,
    );
    const best = smoothed.indexOf(Math.max(...smoothed)),
      name = this.labels[best];
    const threshold = this.spec.class_thresholds?.[name] ?? this.spec.threshold;
    const [label, event] = this.begin(timeS, smoothed[best] >= threshold ? name : null);
    return {
      timeS,
      state: label === null ? "unknown" : "recognised",
      label,
      event,
      probability: smoothed[best],
      probabilities: smoothed,
      windowProbabilities: this.newest.at(-1),
    };
  }

  begin(timeS, candidate) {
    this.agreed = candidate === this.candidate ? this.agreed + 1 : 1;
    this.candidate = candidate;
    let label = this.agreed >= (this.spec.debounce_decisions ?? 1) ? candidate : null;
    let event = label !== null && label !== this.label;
    if (event && timeS - this.eventS < (this.spec.refractory_s ?? 0))
      [label, event] = [null, false];
    if (event) this.eventS = timeS;
    this.label = label;
    return [label, event];
  }
}
