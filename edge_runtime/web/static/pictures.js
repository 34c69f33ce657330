// The images that the network was given for the newest decision, as bytes; never computed here.
import { element } from "./words.js";

export class Pictures {
  constructor(place, spec) {
    this.spec = spec;
    if (!spec) {
      this.figures = [];
      place.replaceChildren(
        element("p", {
          className: "quiet",
          textContent:
            "This model draws its spectrograms inside the network, where they cannot be seen. Export it with --frontend host to see them.",
        }),
      );
      return;
    }
    this.figures = spec.titles.map((title) => {
      const canvas = element("canvas", { width: spec.width, height: spec.height });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `spectrogram of ${title}`);
      return {
        canvas,
        figure: element("figure", {}, canvas, element("figcaption", { textContent: title })),
      };
    });
    place.replaceChildren(...this.figures.map(({ figure }) => figure));
  }

  show(timeS, bytes) {
    this.newest = { timeS, bytes };
  }

  draw() {
    if (!this.newest || !this.spec) return;
    const { timeS, bytes } = this.newest,
      { width, height } = this.spec,
      size = width * height;
    this.newest = null;
    this.figures.forEach(({ canvas }, n) => {
      const context = canvas.getContext("2d"),
        image = context.createImageData(width, height);
      for (let i = 0, at = 3 * n * size; i < size; i++, at += 3) {
        image.data[4 * i] = bytes[at];
        image.data[4 * i + 1] = bytes[at + 1];
        image.data[4 * i + 2] = bytes[at + 2];
        image.data[4 * i + 3] = 255;
      }
      context.putImageData(image, 0, 0);
      canvas.dataset.time = timeS;
    });
  }
}
