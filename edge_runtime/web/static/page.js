// Used by both pages: elements, numbers as text, and the colour theme.

// Clocks that show more than this count seconds since 1970, others since some start.
const UNIX_TIME_FROM_S = 1e9;
const THEME_KEY = "img2imu-theme"; // in localStorage

/**
 * Return the element with this id.
 * @param {string} id
 * @returns {HTMLElement | null}
 */
export const $ = (id) => document.getElementById(id);

/**
 * Create an element.
 * @param {string} name the tag, such as "td"
 * @param {object} properties DOM properties to set, such as textContent
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(name, properties = {}, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

/**
 * Return a share as text, such as "73 %".
 * @param {number | null | undefined} share 0 to 1
 * @returns {string} "–" if the share is unknown
 */
export const percent = (share) =>
  share === null || share === undefined ? "–" : `${Math.round(100 * share)} %`;

/**
 * Return a timestamp as text: the time of day if it counts from 1970, else minutes and seconds.
 * @param {number | null} seconds
 * @returns {string} "–" if the time is unknown
 */
export function clock(seconds) {
  if (seconds === null) return "–";
  if (seconds > UNIX_TIME_FROM_S)
    return new Date(1000 * seconds).toLocaleTimeString([], { hour12: false });
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(1);
  return minutes ? `${minutes}:${rest.padStart(4, "0")}` : `${rest} s`;
}

/**
 * Return microseconds as text in milliseconds, such as "1.30 ms".
 * @param {number} us
 * @returns {string}
 */
export const milliseconds = (us) => `${(us / 1000).toFixed(2)} ms`;

/**
 * Return a count with its noun, such as "1 sample" or "2 samples".
 * @param {number} n
 * @param {string} noun in the singular
 * @returns {string}
 */
export const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/**
 * Apply the theme of a select element ("auto", "light" or "dark") and store it for the next visit.
 * "auto" follows the system.
 * @param {HTMLSelectElement} select
 * @param {() => void} onChange called after a theme was applied, also the first time
 */
export function useTheme(select, onChange = () => {}) {
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let theme = select.value;
    if (theme === "auto") theme = systemIsDark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    onChange();
  };
  select.value = localStorage.getItem(THEME_KEY) ?? "auto";
  if (!select.value) select.value = "auto"; // the stored theme does not exist
  select.addEventListener("change", () => {
    localStorage.setItem(THEME_KEY, select.value);
    apply();
  });
  systemIsDark.addEventListener("change", apply);
  apply();
}

/**
 * Return a colour of the theme.
 * @param {string} name a CSS variable of look.css without "--"
 * @returns {string} the variable's value
 */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
