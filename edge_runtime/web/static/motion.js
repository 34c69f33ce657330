// The phone's motion sensors, in the runtime's units and signs: m/s^2 with gravity, rad/s, x, y, z as W3C defines them
// (https://www.w3.org/TR/orientation-event/#devicemotion).
const RADIANS = Math.PI / 180;
const SIGN_KEY = "img2imu-gravity-sign";
const SILENT_MS = 2500;

// WebKit on iPhones gives accelerationIncludingGravity with the opposite sign, under whatever name a browser goes there.
const isApple = () =>
  /iP(hone|ad|od)/.test(navigator.userAgent) ||
  (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);

// What stands in the way of the sensors: {problem, remedies}, or null.
export function obstacle() {
  if (!isSecureContext) {
    return {
      problem:
        "This page was not opened securely, so the browser keeps the motion sensors to itself.",
      remedies: [
        "Over the network: on the computer, run img2imu cert -o DIR, and give the source as phone:PORT?cert=DIR; then open the https address here.",
        "Over a cable (Android): on the computer, run adb reverse tcp:PORT tcp:PORT, and open http://localhost:PORT here.",
      ],
    };
  }
  if (!("DeviceMotionEvent" in window)) {
    return {
      problem: "This browser has no motion sensors.",
      remedies: ["Open the page on a phone, with Chrome, Firefox or Safari."],
    };
  }
  return null;
}

export class Motion {
  // take(sample): [time in ms, three accelerations, three rates]; rates are NaN without a gyroscope
  constructor(take, silent) {
    this.take = take;
    this.silent = silent;
    this.rest = []; // the newest readings as the browser gives them, for the sign
    const kept = Number(localStorage.getItem(SIGN_KEY));
    this.sign = kept || (isApple() ? -1 : 1);
    this.signFrom = kept
      ? "calibrated on this phone"
      : isApple()
        ? "usual for this phone"
        : "usual";
    this.listen = (event) => this.read(event);
  }

  // To be called from a tap: iPhones ask the person then.
  async start() {
    if (typeof DeviceMotionEvent.requestPermission === "function") {
      const answer = await DeviceMotionEvent.requestPermission();
      if (answer !== "granted")
        throw new Error(
          `the motion sensors were ${answer}: close this tab, open it again and allow them`,
        );
    }
    this.count = 0;
    addEventListener("devicemotion", this.listen);
    this.timer = setTimeout(() => this.count || this.silent(), SILENT_MS);
  }

  stop() {
    removeEventListener("devicemotion", this.listen);
    clearTimeout(this.timer);
  }

  read({ timeStamp, accelerationIncludingGravity: a, rotationRate: g }) {
    if (!a || a.x === null) return;
    this.count += 1;
    this.rest.push([a.x, a.y, a.z]);
    if (this.rest.length > 60) this.rest.shift();
    const rate =
      g && g.alpha !== null
        ? [g.alpha, g.beta, g.gamma].map((value) => value * RADIANS)
        : [NaN, NaN, NaN];
    this.take([timeStamp, this.sign * a.x, this.sign * a.y, this.sign * a.z, ...rate]);
  }

  // With the phone flat, its screen up, an accelerometer gives +9.8 along z: it is pushed up.
  calibrate() {
    const found = signAtRest(this.rest);
    if (found.sign) {
      this.sign = found.sign;
      this.signFrom = "calibrated on this phone";
      localStorage.setItem(SIGN_KEY, found.sign);
    }
    return found;
  }
}

// Readings [x, y, z] of about a second -> {sign, sentence}; sign is 0 when they cannot tell.
export function signAtRest(readings) {
  const n = readings.length;
  if (n < 20) return { sign: 0, sentence: "Too few readings came: start first, then try again." };
  const mean = [0, 1, 2].map(
    (axis) => readings.reduce((sum, reading) => sum + reading[axis], 0) / n,
  );
  const spread = Math.sqrt(
    readings.reduce(
      (sum, reading) => sum + reading.reduce((s, v, i) => s + (v - mean[i]) ** 2, 0),
      0,
    ) / n,
  );
  const length = Math.hypot(...mean);
  if (spread > 0.5)
    return { sign: 0, sentence: "The phone is moving: lay it down, and try again." };
  if (length < 8.8 || length > 10.8) {
    return {
      sign: 0,
      sentence: `At rest this phone shows ${length.toFixed(1)} m/s², expected about 9.8: its accelerometer gives no gravity, or is off.`,
    };
  }
  if (Math.abs(mean[2]) < 0.9 * length)
    return {
      sign: 0,
      sentence: "The phone is not flat: lay it on a table, the screen up, and try again.",
    };
  return mean[2] > 0
    ? { sign: 1, sentence: "Gravity has the usual sign." }
    : { sign: -1, sentence: "Gravity had the opposite sign on this phone: mended." };
}

// Keeps the screen on while it is wanted; browsers drop the lock whenever the page is hidden.
export class Awake {
  constructor() {
    document.addEventListener(
      "visibilitychange",
      () => this.wanted && document.visibilityState === "visible" && this.hold(),
    );
  }

  async hold() {
    this.wanted = true;
    try {
      this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      this.lock = null; // low battery: the page says that it is not held
    }
    return Boolean(this.lock);
  }

  release() {
    this.wanted = false;
    this.lock?.release();
  }
}
