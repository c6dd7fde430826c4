// Predict in the browser with the model of the bundle: ONNX Runtime in WebAssembly, and nothing from the network.

import { decode } from "decode";
import { Learned } from "familiar";
import * as ort from "ort";
import { preprocess } from "preprocess";

const LEAST_PROBABILITY = 1e-12; // Its logarithm is scaled by the temperature.

/** A loaded model. `classNames` are in the order of the probabilities; below `threshold` it is not sure. */
export class Model {
  constructor(card, session, learned = null) {
    this.classNames = card.class_names;
    this.threshold = card.facts?.threshold ?? 0;
    this.temperature = card.facts?.temperature ?? 1; // Above 1, probabilities are less certain.
    this.sizePx = card.image_size_px;
    this.resize = card.resize;
    this.session = session;
    this.learned = learned; // Null where the export has no reference.
  }

  /** Load the model. `asset(name)` returns the bytes of a file of the bundle. */
  static async load(asset) {
    const read = ["card.json", "model.onnx", "web/runtime/ort-wasm-simd-threaded.wasm.gz"];
    const [card, model, runtime] = await Promise.all(read.map(asset));
    ort.env.wasm.numThreads = 1; // More need headers that a simple server does not send.
    ort.env.wasm.wasmBinary = await unzipped(runtime);
    const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    const described = JSON.parse(new TextDecoder().decode(card));
    const reference = described.files.find((file) => file.format === "familiar");
    return new Model(described, session, reference ? new Learned(await asset(reference.name)) : null);
  }

  /** Return the probability of each class for the bytes of one photo. */
  async probabilities(bytes) {
    return scaled((await this.run(bytes, ["probabilities"])).probabilities, this.temperature);
  }

  /** Return {ranked, isUnfamiliar}: {label, probability} of all classes, the most probable first. */
  async predict(bytes) {
    const found = await this.run(bytes, ["probabilities", ...(this.learned ? ["embedding"] : [])]);
    const probabilities = scaled(found.probabilities, this.temperature);
    const named = this.classNames.map((label, k) => ({ label, probability: probabilities[k] }));
    return {
      ranked: named.sort((one, other) => other.probability - one.probability),
      isUnfamiliar: Boolean(this.learned && this.learned.distance(found.embedding) > this.learned.threshold),
    };
  }

  async run(bytes, outputs) {
    const pixels = preprocess(await decode(bytes, this.sizePx, this.resize), this.sizePx, this.resize);
    const input = new ort.Tensor("uint8", pixels, [1, this.sizePx, this.sizePx, 3]);
    const found = await this.session.run({ pixels: input }, outputs);
    return Object.fromEntries(outputs.map((name) => [name, Array.from(found[name].data)]));
  }
}

function scaled(probabilities, temperature) {
  if (temperature === 1) return probabilities;
  const logs = probabilities.map((each) => Math.log(Math.max(each, LEAST_PROBABILITY)) / temperature);
  const largest = logs.reduce((one, other) => Math.max(one, other));
  const powers = logs.map((each) => Math.exp(each - largest));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}

/** Some servers unpack a .gz file themselves. */
async function unzipped(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.slice().buffer;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
