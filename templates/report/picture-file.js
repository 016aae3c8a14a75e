// Reads the file of a picture as { width, height, data }, with red, green, blue and opacity.
const PictureFile = (() => {
  const MAX_BYTES = 2 ** 26;
  const MAX_SIDE = 1120; // longest edge of a picture in memory; larger pictures lose rows and columns
  const STRIP_PIXELS = 2 ** 20; // read at once, so that a picture of any size needs little memory
  const SVG_SIDE = 280; // edge of an SVG drawing that states no size

  async function decode(file) {
    if (file.size > MAX_BYTES) throw new Error("is larger than 64 MiB");
    try {
      if (file.type !== "image/svg+xml") return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" });
      const text = String.fromCharCode(...new Uint8Array(await file.arrayBuffer()));
      const image = Object.assign(document.createElement("img"), { src: `data:image/svg+xml;base64,${btoa(text)}` });
      await image.decode();
      return image;
    } catch {
      throw new Error("is not a picture that this browser can read");
    }
  }

  function readPixels(image) {
    const [width, height] = [image.naturalWidth || image.width || SVG_SIDE, image.naturalHeight || image.height || SVG_SIDE];
    const step = Math.ceil(Math.max(width, height) / MAX_SIDE);
    const small = { width: Math.ceil(width / step), height: Math.ceil(height / step) };
    small.data = new Uint8ClampedArray(4 * small.width * small.height);
    const rows = Math.max(1, Math.floor(STRIP_PIXELS / width));
    const canvas = Object.assign(document.createElement("canvas"), { width, height: rows });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    for (let top = 0; top < height; top += rows) {
      context.clearRect(0, 0, width, rows);
      context.drawImage(image, 0, -top);
      const { data } = context.getImageData(0, 0, width, rows);
      for (let row = Math.ceil(top / step) * step; row < Math.min(top + rows, height); row += step) {
        for (let x = 0; x < small.width; x++) {
          const from = 4 * ((row - top) * width + x * step);
          small.data.set(data.subarray(from, from + 4), 4 * ((row / step) * small.width + x));
        }
      }
    }
    return small;
  }

  // Throws an error whose message continues a sentence that begins with the name of the file.
  async function read(file) {
    const image = await decode(file);
    try {
      return readPixels(image);
    } catch {
      throw new Error("cannot be read");
    } finally {
      image.close?.();
    }
  }

  // Calls onFile(file, place) with each picture that is chosen, dropped on a place of the page, or pasted.
  function receive({ find, onFile }) {
    const pass = (files, place) => {
      const file = [...files].find(({ type }) => type.startsWith("image/")) ?? files[0];
      if (file) onFile(file, place);
      return Boolean(file);
    };
    find("choose").addEventListener("click", () => find("file").click());
    find("file").addEventListener("change", ({ target }) => {
      pass(target.files, find("paper"));
      target.value = "";
    });
    for (const [name, isOver] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
      document.addEventListener(name, (event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        find("paper").classList.toggle("over", isOver);
        if (name === "drop") pass(event.dataTransfer.files, event.target);
      });
    }
    document.addEventListener("paste", (event) => {
      if (pass(event.clipboardData.files, find("paper"))) event.preventDefault();
    });
  }

  return { read, readPixels, receive };
})();
