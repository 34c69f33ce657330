// The phone's motion sensors and its screen lock.
//
// Readings are in the runtime's units and signs: m/s² with gravity and rad/s, with the axes x, y
// and z as W3C defines them (https://www.w3.org/TR/orientation-event/#devicemotion).

const RADIANS_PER_DEGREE = Math.PI / 180;
const SIGN_KEY = "img2imu-gravity-sign"; // in localStorage
const SILENT_MS = 2500;
const MAX_REST_READINGS = 60; // about a second
const MIN_REST_READINGS = 20;
const MAX_REST_SPREAD = 0.5; // m/s²
const MIN_GRAVITY = 8.8; // m/s²
const MAX_GRAVITY = 10.8; // m/s²
const FLAT_SHARE = 0.9; // of gravity along z, at least, if the phone lies flat

/**
 * Return why the page cannot use motion sensors, and what the user can do about it.
 * @returns {{problem: string, remedies: string[]} | null} null if nothing is in the way. Remedies
 *   contain PORT where the page's port belongs.
 */
export function sensorProblem() {
  if (!isSecureContext) {
    return {
      problem: "This page was not opened securely, so the browser blocks the motion sensors.",
      remedies: [
        "Over the network: on the computer, run img2imu cert -o DIR, and use phone:PORT?cert=DIR " +
          "as the source. Then open the https address here.",
        "Over a cable (Android): on the computer, run adb reverse tcp:PORT tcp:PORT. " +
          "Then open http://localhost:PORT here.",
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

/** Reads the accelerometer and the gyroscope, and corrects the sign of gravity. */
export class MotionSensors {
  /**
   * @param {(sample: number[]) => void} onSample gets [time in ms, three accelerations in m/s²,
   *   three rates in rad/s]; the rates are NaN without a gyroscope
   * @param {() => void} onSilent called once if no reading arrives within 2.5 s of the start
   */
  constructor(onSample, onSilent) {
    this.onSample = onSample;
    this.onSilent = onSilent;
    this.restReadings = []; // the newest accelerations as the browser reports them
    const storedSign = Number(localStorage.getItem(SIGN_KEY));
    if (storedSign) {
      this.sign = storedSign;
      this.signFrom = "calibrated on this phone";
    } else if (isApple()) {
      this.sign = -1;
      this.signFrom = "usual for this phone";
    } else {
      this.sign = 1;
      this.signFrom = "usual";
    }
    this.listener = (event) => this.read(event);
  }

  /**
   * Ask for permission, and start. Call it from a tap: iPhones ask the user only then.
   * @throws {Error} if the user does not allow the sensors
   */
  async start() {
    if (typeof DeviceMotionEvent.requestPermission === "function") {
      const answer = await DeviceMotionEvent.requestPermission();
      if (answer !== "granted")
        throw new Error(
          `the motion sensors were ${answer}: close this tab, open it again and allow them`,
        );
    }
    this.count = 0;
    addEventListener("devicemotion", this.listener);
    this.timer = setTimeout(() => {
      if (this.count === 0) this.onSilent();
    }, SILENT_MS);
  }

  /** Stop reading. */
  stop() {
    removeEventListener("devicemotion", this.listener);
    clearTimeout(this.timer);
  }

  read({ timeStamp, accelerationIncludingGravity: acceleration, rotationRate }) {
    if (!acceleration || acceleration.x === null) return;
    this.count += 1;
    const { x, y, z } = acceleration;
    this.restReadings.push([x, y, z]);
    if (this.restReadings.length > MAX_REST_READINGS) this.restReadings.shift();
    let rates = [NaN, NaN, NaN];
    if (rotationRate && rotationRate.alpha !== null) {
      const { alpha, beta, gamma } = rotationRate;
      rates = [alpha, beta, gamma].map((degrees) => degrees * RADIANS_PER_DEGREE);
    }
    this.onSample([timeStamp, this.sign * x, this.sign * y, this.sign * z, ...rates]);
  }

  /**
   * Determine the sign of gravity from the newest readings, and store it. The phone must lie flat
   * with its screen up.
   * @returns {{sign: number, sentence: string}} as signAtRest()
   */
  calibrate() {
    const result = signAtRest(this.restReadings);
    if (result.sign) {
      this.sign = result.sign;
      this.signFrom = "calibrated on this phone";
      localStorage.setItem(SIGN_KEY, result.sign);
    }
    return result;
  }
}

/**
 * Determine the sign of gravity of a phone that lies flat with its screen up. An accelerometer
 * that follows W3C then shows +9.8 m/s² along z, because the table pushes it up.
 * @param {number[][]} readings accelerations [x, y, z] of about a second, m/s²
 * @returns {{sign: number, sentence: string}} sign is 1, -1, or 0 if the readings do not tell;
 *   sentence explains it to the user
 */
export function signAtRest(readings) {
  const n = readings.length;
  if (n < MIN_REST_READINGS)
    return { sign: 0, sentence: "Too few readings so far: press Start first, then try again." };
  const mean = [0, 1, 2].map(
    (axis) => readings.reduce((sum, reading) => sum + reading[axis], 0) / n,
  );
  const squaredDistance = (reading) =>
    reading.reduce((sum, value, axis) => sum + (value - mean[axis]) ** 2, 0);
  const spread = Math.sqrt(
    readings.reduce((sum, reading) => sum + squaredDistance(reading), 0) / n,
  );
  const gravity = Math.hypot(...mean);
  if (spread > MAX_REST_SPREAD)
    return { sign: 0, sentence: "The phone is moving: lay it down, and try again." };
  if (gravity < MIN_GRAVITY || gravity > MAX_GRAVITY) {
    return {
      sign: 0,
      sentence:
        `At rest this phone shows ${gravity.toFixed(1)} m/s², expected about 9.8: ` +
        "its accelerometer removes gravity, or is inaccurate.",
    };
  }
  if (Math.abs(mean[2]) < FLAT_SHARE * gravity)
    return {
      sign: 0,
      sentence: "The phone is not flat: lay it on a table, screen up, and try again.",
    };
  return mean[2] > 0
    ? { sign: 1, sentence: "Gravity has the usual sign." }
    : { sign: -1, sentence: "Gravity had the opposite sign on this phone. It is corrected now." };
}

/** Keeps the screen on. Browsers release the lock whenever the page is hidden. */
export class ScreenLock {
  constructor() {
    this.isWanted = false;
    document.addEventListener("visibilitychange", () => {
      if (this.isWanted && document.visibilityState === "visible") this.hold();
    });
  }

  /**
   * Keep the screen on until release().
   * @returns {Promise<boolean>} false if the browser refuses, for example with a low battery
   */
  async hold() {
    this.isWanted = true;
    try {
      this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      this.lock = null;
    }
    return Boolean(this.lock);
  }

  /** Let the screen turn off again. */
  release() {
    this.isWanted = false;
    this.lock?.release();
  }
}

// WebKit reports accelerationIncludingGravity with the opposite sign on iPhones and iPads. Every
// browser there is WebKit, whatever its name.
function isApple() {
  const isPhoneOrTablet = /iP(hone|ad|od)/.test(navigator.userAgent);
  const isTabletAsMac = navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1;
  return isPhoneOrTablet || isTabletAsMac;
}
