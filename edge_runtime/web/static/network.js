// The network in the browser: LiteRT.js, from local files.
import { ModelFileError } from "./modelfile.js";

const WINDOW = "args_0",
  PROBABILITIES = "output_0"; // names in the model's signature

let runtime = null;

async function load() {
  runtime ??= import("@litertjs/core").then(async (module) => {
    // the variant for this browser: with relaxed SIMD, or the compatible one
    await module.loadLiteRt("/vendor/litert/wasm/");
    return module;
  });
  try {
    return await runtime;
  } catch (error) {
    runtime = null;
    throw new ModelFileError(
      `LiteRT.js cannot be loaded (${error.message}). Where it is not installed: run make web in the checkout (it needs npm), then install again.`,
      { cause: error },
    );
  }
}

export class Network {
  // network: the .tflite's bytes; contract: of the model
  static async open(network, contract) {
    const { loadAndCompile, Tensor } = await load();
    const model = await loadAndCompile(network, { accelerator: "wasm" });
    const inputs = model.getInputDetails(),
      outputs = model.getOutputDetails();
    const shape = [1, contract.window_samples, contract.stream.channels.length];
    const window = inputs.find(({ name }) => name === WINDOW) ?? inputs[0];
    const answer = outputs.find(({ name }) => name === PROBABILITIES);
    if (
      inputs.length !== 1 ||
      window.shape.length !== 3 ||
      window.dtype !== "float32" ||
      answer?.dtype !== "float32"
    ) {
      model.delete();
      throw new ModelFileError(
        "This model does not take raw windows as float32: make one with img2imu export --target web.",
      );
    }
    return new Network(
      model,
      Tensor,
      shape,
      outputs.findIndex(({ name }) => name === PROBABILITIES),
    );
  }

  constructor(model, Tensor, shape, position) {
    Object.assign(this, { model, Tensor, shape, position });
  }

  // A window as Float32Array (samples x channels) -> probabilities, Float32Array.
  async infer(window) {
    const given = new this.Tensor(window, this.shape);
    const answers = await this.model.run([given]);
    const probabilities = Float32Array.from(answers[this.position].toTypedArray());
    answers.forEach((tensor) => tensor.delete());
    given.delete();
    return probabilities;
  }

  close() {
    this.model.delete();
  }
}
