// The access token, and a WebSocket to the server of this page that reconnects when it is lost.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const TOKEN_KEY = "img2imu-token"; // in sessionStorage, which is kept until the tab is closed

/**
 * Return the access token. It is read from after the # of the address, because browsers do not
 * send that part to servers. It is then removed from the address.
 * @returns {string} empty if there is none
 */
export function token() {
  const tokenInAddress = new URLSearchParams(location.hash.slice(1)).get("token");
  if (tokenInAddress) {
    sessionStorage.setItem(TOKEN_KEY, tokenInAddress);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(TOKEN_KEY) ?? "";
}

/**
 * Store a token that the user entered.
 * @param {string} text
 */
export function setToken(text) {
  sessionStorage.setItem(TOKEN_KEY, text.trim());
}

/**
 * Return a path of the server with the token as its query, if there is a token.
 * @param {string} path
 * @returns {string}
 */
export const withToken = (path) =>
  token() ? `${path}?token=${encodeURIComponent(token())}` : path;

/** A WebSocket that is opened again after it was lost, with growing pauses. */
export class Connection {
  /**
   * Connect.
   * @param {string} path of the WebSocket on the server
   * @param {object} handlers all optional
   * @param {(socket: WebSocket) => void} handlers.onOpen each time a connection opens
   * @param {(message: object) => void} handlers.onMessage gets each parsed JSON message
   * @param {(data: ArrayBuffer) => void} handlers.onBytes gets each binary message
   * @param {(waitS: number) => void} handlers.onLost gets the seconds until the next attempt
   * @param {() => void} handlers.onRefused the token is missing or wrong; open() tries again
   */
  constructor(path, handlers) {
    this.path = path;
    this.handlers = handlers;
    this.waitMs = FIRST_WAIT_MS;
    this.open();
  }

  /** Connect now, for example with a new token. */
  open() {
    clearTimeout(this.timer);
    this.closed = false;
    const origin = location.origin.replace(/^http/, "ws");
    const socket = new WebSocket(origin + withToken(this.path));
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.handlers.onOpen?.(socket);
    socket.onmessage = ({ data }) => {
      this.waitMs = FIRST_WAIT_MS;
      if (typeof data === "string") this.handlers.onMessage?.(JSON.parse(data));
      else this.handlers.onBytes?.(data);
    };
    socket.onclose = () => {
      if (socket === this.socket && !this.closed) this.reconnect();
    };
  }

  /** Disconnect, and do not reconnect. */
  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }

  async reconnect() {
    if (await tokenIsRefused()) {
      this.handlers.onRefused?.();
      return;
    }
    if (this.closed) return;
    this.handlers.onLost?.(this.waitMs / 1000);
    this.timer = setTimeout(() => this.open(), this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
  }
}

// Browsers hide why a WebSocket was refused, so ask the server by an ordinary request.
async function tokenIsRefused() {
  try {
    const answer = await fetch(withToken("/check"), { cache: "no-store" });
    return answer.status === 401;
  } catch {
    return false;
  }
}
