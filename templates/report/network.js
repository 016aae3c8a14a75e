// The network of the page: unpacks it, and computes probabilities. Pixels are numbers in [0, 1], row by row.
const Network = (() => {
  const SIDE = 28;

  // Each 11 characters are a number in base 94, of the printable characters without "<"; it has 9 bytes.
  function decodeBase94(text) {
    const bytes = new Uint8Array((text.length / 11) * 9);
    for (let at = 0, to = 0; at < text.length; at += 11, to += 9) {
      let number = 0n;
      for (let i = at; i < at + 11; i++) {
        const code = text.charCodeAt(i) - 32;
        number = number * 94n + BigInt(code > 28 ? code - 1 : code);
      }
      for (let i = 8; i >= 0; i--, number >>= 8n) bytes[to + i] = Number(number & 255n);
    }
    return bytes.subarray(1, bytes.length - bytes[0]); // the first byte counts the zeros at the end
  }

  async function inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // Arrays of numbers with these shapes and steps: for each, first the low bytes, then the high bytes of its codes.
  async function decode(text, arrays) {
    const count = ({ shape }) => shape.reduce((product, length) => product * length, 1);
    const bytes = await inflate(decodeBase94(text));
    let start = 0;
    return arrays.map((array) => {
      const n = count(array), units = array.shape.at(-1), rows = n / units;
      const values = Float64Array.from({ length: n }, (_, i) => {
        const unit = i % units, from = start + unit * rows + Math.floor(i / units);
        const code = bytes[from] + 256 * bytes[from + n];
        const step = array.step * 2 ** ((array.exponents?.[unit] ?? 0) / 2);
        return step * (code % 2 ? -(code + 1) / 2 : code / 2);
      });
      start += 2 * n;
      return values;
    });
  }

  async function unpack({ views, temperature, layers, arrays }, data) {
    const values = await decode(data, arrays);
    let next = 0;
    const hasArrays = ({ kind }) => ["dense", "convolution", "scale"].includes(kind);
    const complete = layers.map((layer) => {
      const defaults = { activation: "linear", stride: 1, padding: 0, size: 1, ...layer };
      if (!hasArrays(layer)) return defaults;
      const { shape } = arrays[next];
      return { ...defaults, shape, kernel: values[next++], bias: values[next++] };
    });
    return { views, temperature, layers: complete, means: values[next], meanShape: arrays[next].shape };
  }

  // An image is { height, width, channels, values }; a row of numbers is an image of one pixel.
  const image = (height, width, channels) => ({ height, width, channels, values: new Float64Array(height * width * channels) });

  const operations = {
    flatten: ({ values }) => ({ height: 1, width: 1, channels: values.length, values }),
    dense(input, layer) {
      const output = image(1, 1, layer.shape[1]);
      const sum = collect(output.channels, layer.kernel, input.values.length);
      input.values.forEach((value, row) => sum.add(value, row));
      sum.finish(output.values, 0, layer.bias);
      return output;
    },
    convolution(input, { shape, stride, padding, kernel, bias }) {
      const [rows, columns, channels, n] = shape;
      const side = (length, size) => Math.floor((length + 2 * padding - size) / stride) + 1;
      const output = image(side(input.height, rows), side(input.width, columns), n);
      const sum = collect(n, kernel, rows * columns * channels);
      for (let y = 0, to = 0; y < output.height; y++) {
        for (let x = 0; x < output.width; x++, to += n) {
          for (let i = 0; i < rows; i++) {
            const row = y * stride + i - padding;
            if (row < 0 || row >= input.height) continue;
            for (let j = 0; j < columns; j++) {
              const column = x * stride + j - padding;
              if (column < 0 || column >= input.width) continue;
              const from = (row * input.width + column) * channels;
              const first = (i * columns + j) * channels;
              for (let c = 0; c < channels; c++) sum.add(input.values[from + c], first + c);
            }
          }
          sum.finish(output.values, to, bias);
        }
      }
      return output;
    },
    scale({ values, ...size }, { kernel, bias }) {
      const n = kernel.length;
      return { ...size, values: values.map((value, i) => value * kernel[i % n] + bias[i % n]) };
    },
    max_pool(input, { size }) {
      const { channels } = input;
      const output = image(input.height / size, input.width / size, channels);
      output.values.fill(-Infinity);
      for (let y = 0, from = 0; y < input.height; y++) {
        for (let x = 0; x < input.width; x++) {
          const to = (Math.floor(y / size) * output.width + Math.floor(x / size)) * channels;
          for (let c = 0; c < channels; c++, from++) {
            if (input.values[from] > output.values[to + c]) output.values[to + c] = input.values[from];
          }
        }
      }
      return output;
    },
    mean_pool({ values, channels }) {
      const output = image(1, 1, channels);
      values.forEach((value, i) => (output.values[i % channels] += (value * channels) / values.length));
      return output;
    },
  };

  // Sums rows of a kernel with n columns, each times a factor. It first collects the factors that are not 0, about half
  // after a ReLU, and then sums four rows at once, which halves the time.
  function collect(n, kernel, length) {
    const factors = new Float64Array(length + 3), starts = new Int32Array(length + 3);
    let count = 0;
    return {
      add(factor, row) {
        if (factor === 0) return;
        factors[count] = factor;
        starts[count++] = row * n;
      },
      finish(sums, to, bias) {
        sums.set(bias, to);
        while (count % 4) factors[count++] = 0;
        for (let k = 0; k < count; k += 4) {
          const a = factors[k], b = factors[k + 1], c = factors[k + 2], d = factors[k + 3];
          const p = starts[k], q = starts[k + 1], r = starts[k + 2], s = starts[k + 3];
          for (let i = 0; i < n; i++) sums[to + i] += a * kernel[p + i] + b * kernel[q + i] + c * kernel[r + i] + d * kernel[s + i];
        }
        count = 0;
      },
    };
  }

  const activations = {
    linear: (values) => values,
    relu: (values) => values.map((value) => (value > 0 ? value : 0)),
    softmax(values) {
      const highest = Math.max(...values);
      const exponentials = values.map((value) => Math.exp(value - highest));
      const sum = exponentials.reduce((a, b) => a + b, 0);
      return exponentials.map((value) => value / sum);
    },
  };

  // The probabilities for the pixels alone, without test-time augmentation.
  function predictOnce({ layers }, pixels) {
    let current = { height: SIDE, width: SIDE, channels: 1, values: pixels };
    for (const layer of layers) {
      current = operations[layer.kind](current, layer);
      current.values = activations[layer.activation](current.values);
    }
    return current.values;
  }

  function transform(pixels, source) {
    return Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
      const [row, column] = source(Math.floor(i / SIDE), i % SIDE);
      const isInside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
      return isInside ? pixels[row * SIDE + column] : 0;
    });
  }
  const flip = (pixels) => transform(pixels, (row, column) => [row, SIDE - 1 - column]);
  const shift = (pixels, down, right) => transform(pixels, (row, column) => [row - down, column - right]);

  const mean = (rows) => rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);

  // The probabilities for the pixels, as after training: the mean over the views of the image, calibrated.
  function predict(network, pixels) {
    const probabilities = average(network, pixels);
    if (network.temperature === 1) return probabilities;
    return activations.softmax(probabilities.map((probability) => Math.log(probability) / network.temperature));
  }

  function average(network, pixels) {
    if (network.views === "none") return predictOnce(network, pixels);
    const both = (view) => mean([predictOnce(network, view), predictOnce(network, flip(view))]);
    if (network.views === "flip") return both(pixels);
    const shifts = [[-1, 0], [1, 0], [0, -1], [0, 1]];
    return mean([both(pixels), mean(shifts.map(([down, right]) => both(shift(pixels, down, right))))]);
  }

  // The distance to the nearest mean training image, whose pixels stand for 2 x 2 pixels.
  function distance({ means, meanShape: [n, side] }, pixels) {
    const squares = Array.from({ length: n }, (_, label) =>
      pixels.reduce((sum, value, i) => {
        const row = Math.floor(Math.floor(i / SIDE) / 2), column = Math.floor((i % SIDE) / 2);
        return sum + (value - means[(label * side + row) * side + column]) ** 2;
      }, 0),
    );
    return Math.sqrt(Math.min(...squares));
  }

  return { SIDE, decode, unpack, predict, predictOnce, distance };
})();
if (typeof module !== "undefined") module.exports = Network;
