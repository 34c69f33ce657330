// A model file is a .tflite with a zip appended that holds the contract (docs/contract.md).
const CONTRACT = "img2imu.json",
  DIGEST = "tflite.sha256",
  SCHEMA = 1;
const END = 0x06054b50,
  ENTRY = 0x02014b50,
  LOCAL = 0x04034b50,
  END_BYTES = 22,
  LONGEST_COMMENT = 65535;
const MOST_ENTRIES = 1000,
  MOST_TEXT_BYTES = 1 << 20,
  STORED = 0,
  DEFLATED = 8;

export class ModelFileError extends Error {}

const AGAIN = "make it again with img2imu export --target web, and copy it whole";

// ArrayBuffer -> {network: Uint8Array, contract}
export async function readModelFile(buffer) {
  const bytes = new Uint8Array(buffer);
  if (new TextDecoder().decode(bytes.subarray(4, 8)) !== "TFL3") {
    throw new ModelFileError(
      "This is no .tflite model: choose a file written by img2imu export --target web.",
    );
  }
  let entries;
  try {
    entries = directory(new DataView(buffer));
  } catch (error) {
    throw new ModelFileError(`This model has no img2imu contract, or was cut short: ${AGAIN}.`, {
      cause: error,
    });
  }
  if (!entries.has(CONTRACT))
    throw new ModelFileError(`This model has no img2imu contract: ${AGAIN}.`);
  const contract = JSON.parse(await text(bytes, entries.get(CONTRACT)));
  if (contract.taught) {
    throw new ModelFileError(
      "This model was taught on a device, where img2imu run takes it; the browser takes those of img2imu export --target web.",
    );
  }
  if (contract.schema > SCHEMA) {
    throw new ModelFileError(
      `The model's contract has schema ${contract.schema}, this page reads up to ${SCHEMA}: take a newer img2imu.`,
    );
  }
  const network = bytes.subarray(0, Math.min(...[...entries.values()].map(({ at }) => at)));
  if (
    entries.has(DIGEST) &&
    crypto.subtle &&
    (await text(bytes, entries.get(DIGEST))) !== (await sha256(network))
  ) {
    throw new ModelFileError(`The model file is damaged: ${AGAIN}.`);
  }
  return { network, contract };
}

function directory(view) {
  let end = view.byteLength - END_BYTES;
  while (view.getUint32(end, true) !== END) {
    if (end-- < view.byteLength - END_BYTES - LONGEST_COMMENT) throw new Error("no end record");
  }
  const entries = new Map(),
    count = view.getUint16(end + 10, true),
    size = view.getUint32(end + 12, true);
  if (count > MOST_ENTRIES) throw new Error("too many entries");
  // offsets count from where the zip begins, which is after the network
  const shift = end - size - view.getUint32(end + 16, true);
  for (let at = end - size, i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("no entry");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) =>
      view.getUint16(at + offset, true),
    );
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameBytes));
    entries.set(name, {
      method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      at: shift + view.getUint32(at + 42, true),
    });
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return entries;
}

async function text(bytes, { method, packed, size, at }) {
  const view = new DataView(bytes.buffer, at);
  if (
    view.getUint32(0, true) !== LOCAL ||
    size > MOST_TEXT_BYTES ||
    ![STORED, DEFLATED].includes(method)
  ) {
    throw new ModelFileError(`The model file is damaged: ${AGAIN}.`);
  }
  const begin = at + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const content = new Blob([bytes.subarray(begin, begin + packed)]).stream();
  const plain =
    method === STORED ? content : content.pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(plain).text();
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
