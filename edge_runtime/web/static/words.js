// Numbers and times as people read them.
const EPOCH_S = 1e9; // a clock that shows more counts since 1970

export const percent = (p) => (p === null || p === undefined ? "–" : `${Math.round(100 * p)} %`);

export function clock(seconds) {
  if (seconds === null) return "–";
  if (seconds > EPOCH_S) return new Date(1000 * seconds).toLocaleTimeString([], { hour12: false });
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(1);
  return minutes ? `${minutes}:${rest.padStart(4, "0")}` : `${rest} s`;
}

export const milliseconds = (us) => `${(us / 1000).toFixed(2)} ms`;

export function counted(n, noun) {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
