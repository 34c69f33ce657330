// One WebSocket to this page's own server that is opened again whenever it is lost.
const FIRST_WAIT_MS = 500,
  LONGEST_WAIT_MS = 10_000;
const KEY = "img2imu-token";

// The token stands behind the # of the address, which browsers send to nobody; kept until the tab is closed.
export function token() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

export function setToken(text) {
  sessionStorage.setItem(KEY, text.trim());
}

export const withToken = (path) =>
  token() ? `${path}?token=${encodeURIComponent(token())}` : path;

// on: {open(socket), text(object), bytes(ArrayBuffer), lost(seconds until the next try), refused()}
export class Live {
  constructor(path, on) {
    this.path = path;
    this.on = on;
    this.waitMs = FIRST_WAIT_MS;
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.closed = false;
    const socket = (this.socket = new WebSocket(
      location.origin.replace(/^http/, "ws") + withToken(this.path),
    ));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.on.open?.(socket);
    socket.onmessage = ({ data }) => {
      this.waitMs = FIRST_WAIT_MS;
      if (typeof data === "string") this.on.text?.(JSON.parse(data), socket);
      else this.on.bytes?.(data);
    };
    socket.onclose = () => socket === this.socket && !this.closed && this.lost();
  }

  async lost() {
    if (await refused()) return this.on.refused?.();
    if (this.closed) return;
    this.on.lost?.(this.waitMs / 1000);
    this.timer = setTimeout(() => this.open(), this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}

// A browser does not say why a WebSocket was refused; the server answers the same question here.
async function refused() {
  try {
    return (await fetch(withToken("/check"), { cache: "no-store" })).status === 401;
  } catch {
    return false;
  }
}
