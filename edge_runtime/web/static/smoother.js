// From the probabilities of windows to a label, as Smoother in edge_runtime/decision.py.

/** Averages the probabilities of the newest windows and decides on a label. */
export class Smoother {
  /**
   * @param {object} spec the contract's decision
   * @param {string[]} labels in the order of the probabilities
   */
  constructor(spec, labels) {
    this.spec = { class_thresholds: {}, debounce_decisions: 1, refractory_s: 0, ...spec };
    this.labels = labels;
    this.reset();
  }

  /** Forget earlier windows. */
  reset() {
    this.newest = [];
    this.candidate = null;
    this.agreed = 0; // decisions in a row on the candidate
    this.label = null;
    this.eventS = -Infinity;
  }

  /**
   * Return the decision that follows from a window.
   * @param {number} timeS end of the window
   * @param {Iterable<number>} probabilities of that window alone
   */
  decide(timeS, probabilities) {
    this.newest = [...this.newest, Array.from(probabilities)].slice(-this.spec.smoothing_windows);
    const smoothed = this.labels.map(
      (_, i) => this.newest.reduce((sum, window) => sum + window[i], 0) / this.newest.length,
    );
    const best = smoothed.indexOf(Math.max(...smoothed));
    const name = this.labels[best];
    const { class_thresholds, threshold } = this.spec;
    const needed = Object.hasOwn(class_thresholds, name) ? class_thresholds[name] : threshold;
    const event = this.updateLabel(timeS, smoothed[best] >= needed ? name : null);
    return {
      timeS,
      state: this.label === null ? "unknown" : "recognised",
      label: this.label,
      event,
      probability: smoothed[best],
      probabilities: smoothed,
      windowProbabilities: this.newest.at(-1),
    };
  }

  /** Set the label from this window's candidate. Returns whether the label begins here. */
  updateLabel(timeS, candidate) {
    this.agreed = candidate === this.candidate ? this.agreed + 1 : 1;
    this.candidate = candidate;
    let label = this.agreed >= this.spec.debounce_decisions ? candidate : null;
    let event = label !== null && label !== this.label;
    if (event && timeS - this.eventS < this.spec.refractory_s) {
      label = null;
      event = false;
    }
    if (event) this.eventS = timeS;
    this.label = label;
    return event;
  }
}
