// Runs a model in the browser with LiteRT.js, from local files.
import { ModelFileError } from "./modelfile.js";

// Names in the model's signature.
const WINDOW_INPUT = "args_0";
const PROBABILITIES_OUTPUT = "output_0";

/** A loaded model that turns a window of samples into probabilities. */
export class LiteRtModel {
  /**
   * Load a model that takes raw windows, that is, one with the front end inside the network.
   * @param {Uint8Array} network the .tflite file's bytes
   * @param {object} contract the model's contract
   * @returns {Promise<LiteRtModel>}
   * @throws {ModelFileError} if LiteRT.js is missing, or if the model takes something else
   */
  static async load(network, contract) {
    const { loadAndCompile, Tensor } = await loadLiteRt();
    const model = await loadAndCompile(network, { accelerator: "wasm" });
    const inputs = model.getInputDetails();
    const outputs = model.getOutputDetails();
    const window = inputs.find(({ name }) => name === WINDOW_INPUT) ?? inputs[0];
    const outputIndex = outputs.findIndex(({ name }) => name === PROBABILITIES_OUTPUT);
    if (
      inputs.length !== 1 ||
      window.shape.length !== 3 ||
      window.dtype !== "float32" ||
      outputs[outputIndex]?.dtype !== "float32"
    ) {
      model.delete();
      throw new ModelFileError(
        "This model does not take raw windows as float32: " +
          "make one with img2imu export --target web.",
      );
    }
    const inputShape = [1, contract.window_samples, contract.stream.channels.length];
    return new LiteRtModel(model, Tensor, inputShape, outputIndex);
  }

  /** Use load() instead. */
  constructor(model, Tensor, inputShape, outputIndex) {
    this.model = model;
    this.Tensor = Tensor;
    this.inputShape = inputShape;
    this.outputIndex = outputIndex;
  }

  /**
   * Return the probabilities of a window.
   * @param {Float32Array} window (samples x channels), a row for each sample, SI units
   * @returns {Promise<Float32Array>} in the order of the contract's labels
   */
  async infer(window) {
    const input = new this.Tensor(window, this.inputShape);
    const outputs = await this.model.run([input]);
    const probabilities = Float32Array.from(outputs[this.outputIndex].toTypedArray());
    outputs.forEach((tensor) => tensor.delete());
    input.delete();
    return probabilities;
  }

  /** Free the model's memory. */
  close() {
    this.model.delete();
  }
}

let liteRt = null; // a promise of the loaded module

async function loadLiteRt() {
  liteRt ??= import("@litertjs/core").then(async (module) => {
    // Chooses the variant for this browser: with relaxed SIMD, or the compatible one.
    await module.loadLiteRt("/vendor/litert/wasm/");
    return module;
  });
  try {
    return await liteRt;
  } catch (error) {
    liteRt = null;
    throw new ModelFileError(
      `LiteRT.js cannot be loaded (${error.message}). If it is not installed, run make web in ` +
        "the checkout (it needs npm), then install again.",
      { cause: error },
    );
  }
}
