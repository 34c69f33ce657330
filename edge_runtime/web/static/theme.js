// Light, dark, or as the system is; kept for the next visit.
const KEY = "img2imu-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function useTheme(select, onChange = () => {}) {
  const apply = () => {
    const wanted = select.value === "auto" ? (system.matches ? "dark" : "light") : select.value;
    document.documentElement.dataset.theme = wanted;
    onChange();
  };
  select.value = localStorage.getItem(KEY) ?? "auto";
  if (!select.value) select.value = "auto";
  select.addEventListener("change", () => {
    localStorage.setItem(KEY, select.value);
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
