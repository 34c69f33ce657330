// Reads a model file: a .tflite with a zip appended that holds the contract (docs/contract.md).
import { ModelFileError, readContract } from "./contract.js";

export { ModelFileError };

const CONTRACT = "img2imu.json";
const DIGEST = "tflite.sha256";
const GOLDEN = ["windows", "statistics", "image_samples", "probabilities"];
const IMAGE_STRIDE = 8; // the file holds every 8th pixel of the golden images, in both directions

// Signatures and sizes of a zip's records: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const MAX_COMMENT_BYTES = 65535;
const STORED = 0;
const DEFLATED = 8;

const MAX_FILE_BYTES = 256 << 20;
const MAX_TEXT_BYTES = 1 << 20;
const MAX_ARRAY_BYTES = 16 << 20;
const MAX_ENTRIES = 1000;

const AGAIN = "make it again with img2imu export --target web, and copy it whole";

/**
 * Read and validate a model file.
 * @param {ArrayBuffer} buffer the whole file
 * @returns {Promise<{network: Uint8Array, contract: object}>} the .tflite's bytes, and the contract
 * @throws {ModelFileError} if it is not a model file, is damaged, or has a contract that this page
 *   cannot use
 */
export async function readModelFile(buffer) {
  const bytes = new Uint8Array(buffer);
  if (new TextDecoder().decode(bytes.subarray(4, 8)) !== "TFL3" || bytes.length > MAX_FILE_BYTES) {
    throw new ModelFileError(
      "This is no .tflite model: choose a file written by img2imu export --target web.",
    );
  }
  let entries;
  try {
    entries = readDirectory(new DataView(buffer));
  } catch (error) {
    throw new ModelFileError(`This model has no img2imu contract, or was cut short: ${AGAIN}.`, {
      cause: error,
    });
  }
  const text = await readEntry(bytes, entries, CONTRACT, MAX_TEXT_BYTES);
  const digest = await readEntry(bytes, entries, DIGEST, MAX_TEXT_BYTES);
  const golden = {};
  for (const name of GOLDEN) {
    golden[name] = await readEntry(bytes, entries, `golden/${name}.f32`, MAX_ARRAY_BYTES);
  }
  const contract = readContract(decode(text));
  const network = bytes.subarray(0, Math.min(...[...entries.values()].map(({ at }) => at)));
  // Browsers offer hashes to secure pages only, which are the only ones with motion sensors too.
  if (crypto.subtle && decode(digest) !== (await sha256(network))) throw damaged("network");
  if (!goldenFits(golden, contract)) throw damaged("golden vectors");
  return { network, contract };
}

/** Return where and how each entry of the zip is stored, by its name in the directory. */
function readDirectory(view) {
  let end = view.byteLength - END_BYTES;
  while (view.getUint32(end, true) !== END) {
    if (end-- < view.byteLength - END_BYTES - MAX_COMMENT_BYTES) throw new Error("no end record");
  }
  const count = view.getUint16(end + 10, true);
  const directory = end - view.getUint32(end + 12, true);
  if (count < 1 || count > MAX_ENTRIES) throw new Error(`${count} entries`);
  // Offsets count from the beginning of the zip, which is after the network.
  const shift = directory - view.getUint32(end + 16, true);
  const entries = new Map();
  let at = directory;
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("no entry");
    const nameBytes = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + ENTRY_BYTES, nameBytes));
    entries.set(name, {
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packedBytes: view.getUint32(at + 20, true),
      at: shift + view.getUint32(at + 42, true),
    });
    at += ENTRY_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Return the content of an entry, maxBytes at most. */
async function readEntry(bytes, entries, name, maxBytes) {
  const entry = entries.get(name);
  if (!entry) throw new ModelFileError(`This model has no img2imu contract (${name}): ${AGAIN}.`);
  try {
    const content = await unpack(packedContent(bytes, entry, name), entry.method, maxBytes);
    if (crc32(content) !== entry.crc) throw new Error("its checksum is wrong");
    return content;
  } catch (error) {
    throw damaged(name, error);
  }
}

/** Return the bytes of an entry as they are stored. */
function packedContent(bytes, { at, packedBytes }, name) {
  const view = new DataView(bytes.buffer, at);
  const nameBytes = view.getUint16(26, true);
  const storedName = bytes.subarray(at + LOCAL_BYTES, at + LOCAL_BYTES + nameBytes);
  if (view.getUint32(0, true) !== LOCAL || new TextDecoder().decode(storedName) !== name) {
    throw new Error("no entry where the directory says");
  }
  const begin = at + LOCAL_BYTES + nameBytes + view.getUint16(28, true);
  return bytes.subarray(begin, begin + packedBytes);
}

/** Unpack an entry, and stop at maxBytes: the size in a header can be wrong. */
async function unpack(packed, method, maxBytes) {
  if (![STORED, DEFLATED].includes(method)) throw new Error("neither stored nor deflated");
  let stream = new Blob([packed]).stream();
  if (method === DEFLATED) stream = stream.pipeThrough(new DecompressionStream("deflate-raw"));
  const chunks = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    chunks.push(value);
    size += value.length;
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
  }
}

/** Whether the golden vectors (bytes of float32 by name) have the sizes that the contract says. */
function goldenFits(golden, { window_samples, stream, front_end, labels }) {
  const sizes = Object.fromEntries(GOLDEN.map((name) => [name, golden[name].length / 4]));
  const n = Math.floor(sizes.windows / (window_samples * stream.channels.length));
  const images = front_end.spectrograms.length * front_end.image_channels.length;
  const rows = Math.ceil(front_end.image_height / IMAGE_STRIDE);
  const columns = Math.ceil(front_end.image_width / IMAGE_STRIDE);
  return (
    n >= 1 &&
    sizes.windows === n * window_samples * stream.channels.length &&
    sizes.statistics % n === 0 &&
    sizes.image_samples === n * images * rows * columns * 3 &&
    sizes.probabilities === n * labels.length
  );
}

function decode(content) {
  try {
    // A byte order mark is kept, which makes the text invalid, as it does elsewhere.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw damaged("text", error);
  }
}

function damaged(part, cause) {
  return new ModelFileError(`The model file is damaged (${part}): ${AGAIN}.`, { cause });
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The checksum of zip files (ISO 3309). */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
