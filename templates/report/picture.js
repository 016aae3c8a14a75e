// Prepares a picture as the makers of Fashion-MNIST did (arXiv 1708.07747, section 2), in whole numbers of 0 to 255:
// after decoding, the page and the server compute the same pixels. A picture is { width, height, data }, with red, green,
// blue and opacity.
const Picture = (() => {
  const SIDE = 28;
  const WHITE = 255;
  const TOLERANCE = 0.05 * Math.sqrt(3) * WHITE; // 5 % of the distance between black and white
  const CENTRE = 1.6609, EDGE = -0.1028, CORNER = -0.0624; // ImageMagick's -sharpen with radius 1 and sigma 1

  // Red, green and blue on white paper.
  function onPaper({ width, height, data }) {
    const values = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++) {
      const opacity = data[4 * i + 3];
      for (let c = 0; c < 3; c++) values[3 * i + c] = Math.round((data[4 * i + c] * opacity + WHITE * (WHITE - opacity)) / WHITE);
    }
    return { width, height, values };
  }

  // The box without the edges whose colour is close to that of their corner; null if nothing remains.
  function findSubject({ width, height, values }) {
    const differs = (x, y, corner) => {
      let square = 0;
      for (let c = 0; c < 3; c++) square += (values[3 * (y * width + x) + c] - values[3 * corner + c]) ** 2;
      return square > TOLERANCE ** 2;
    };
    const box = { left: width, top: height, right: -1, bottom: -1 };
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (differs(x, y, 0)) {
          box.left = Math.min(box.left, x);
          box.top = Math.min(box.top, y);
        }
        if (x > box.right && differs(x, y, width - 1)) box.right = x;
        if (y > box.bottom && differs(x, y, (height - 1) * width)) box.bottom = y;
      }
    }
    const size = { left: box.left, top: box.top, width: box.right - box.left + 1, height: box.bottom - box.top + 1 };
    return size.width > 0 && size.height > 0 ? size : null;
  }

  // Skips rows and columns until the longest edge has 28 pixels.
  function sample({ width, values }, box) {
    const longest = Math.max(box.width, box.height);
    const shorten = (length) => Math.max(1, Math.round((length * SIDE) / longest));
    const small = { width: shorten(box.width), height: shorten(box.height) };
    small.values = new Uint8Array(3 * small.width * small.height);
    for (let y = 0, to = 0; y < small.height; y++) {
      const row = box.top + Math.floor(((y + 0.5) * box.height) / small.height);
      for (let x = 0; x < small.width; x++, to += 3) {
        const column = box.left + Math.floor(((x + 0.5) * box.width) / small.width);
        const from = 3 * (row * width + column);
        small.values.set(values.subarray(from, from + 3), to);
      }
    }
    return small;
  }

  function sharpen({ width, height, values }) {
    const clamp = (i, length) => Math.min(Math.max(i, 0), length - 1);
    const sharp = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const c = i % 3, x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
      const at = (right, down) => values[3 * (clamp(y + down, height) * width + clamp(x + right, width)) + c];
      const edges = at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1);
      const corners = at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1);
      sharp[i] = clamp(Math.round(CENTRE * values[i] + EDGE * edges + CORNER * corners), WHITE + 1);
    }
    return { width, height, values: sharp };
  }

  const grey = (values, i) => Math.round(0.2126 * values[3 * i] + 0.7152 * values[3 * i + 1] + 0.0722 * values[3 * i + 2]);

  // Centres a picture on 28 x 28 pixels, light on black.
  function centre({ width, height, values }, isLight) {
    const pixels = new Uint8Array(SIDE * SIDE);
    const left = Math.floor((SIDE - width) / 2), top = Math.floor((SIDE - height) / 2);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = grey(values, y * width + x);
        pixels[(top + y) * SIDE + left + x] = isLight ? value : WHITE - value;
      }
    }
    return pixels;
  }

  // The 28 x 28 pixels that the model sees, the box of the subject, and the mean brightness of the corners.
  // isLight: the subject is lighter than its background. crops: the edges around the subject are removed.
  function prepare(picture, { isLight = false, crops = true } = {}) {
    const paper = onPaper(picture);
    const subject = findSubject(paper);
    const box = (crops && subject) || { left: 0, top: 0, width: paper.width, height: paper.height };
    const small = sample(paper, box);
    const pixels = centre(Math.max(box.width, box.height) > SIDE ? sharpen(small) : small, isLight);
    const { width, height, values } = paper;
    const corners = [0, width - 1, (height - 1) * width, height * width - 1].map((i) => grey(values, i));
    return { pixels, subject, corners: corners.reduce((a, b) => a + b, 0) / 4 };
  }

  return { SIDE, WHITE, prepare };
})();
if (typeof module !== "undefined") module.exports = Picture;
