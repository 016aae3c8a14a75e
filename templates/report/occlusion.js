// Covers each place of an image with black, to see where the answer would change.
const Occlusion = (() => {
  const { SIDE } = Picture;
  const PATCH = 4, STEP = 2; // each pixel is in four places
  const N_PLACES = ((SIDE + PATCH - STEP) / STEP) ** 2;
  const MIN_SCALE = 0.02; // smaller changes stay pale

  const highest = (values) => values.indexOf(Math.max(...values));

  // The places that show something: the middle, the indices of the pixels, and the image with black there.
  function listPlaces(pixels) {
    const places = [];
    for (let row = STEP - PATCH; row < SIDE; row += STEP) {
      for (let column = STEP - PATCH; column < SIDE; column += STEP) {
        const inside = [];
        for (let y = Math.max(row, 0); y < Math.min(row + PATCH, SIDE); y++) {
          for (let x = Math.max(column, 0); x < Math.min(column + PATCH, SIDE); x++) inside.push(y * SIDE + x);
        }
        if (!inside.some((i) => pixels[i])) continue;
        const covered = pixels.slice();
        for (const i of inside) covered[i] = 0;
        places.push({ middle: [row + PATCH / 2, column + PATCH / 2], inside, covered });
      }
    }
    return places;
  }

  // The change in the probability of the answer at each pixel, the places where another class wins, and a text.
  // shown: the probabilities of the answer, which may average views. before and after: those of the picture alone, as it
  // is and with each place covered; their difference is added to the shown ones.
  function compare(places, [before, ...after], shown, classes) {
    const top = highest(shown), changes = new Float64Array(SIDE * SIDE), won = new Map();
    const lost = places.filter(({ inside }, index) => {
      const change = after[index].map((value, label) => value - before[label]);
      for (const i of inside) changes[i] += change[top] / 4;
      const other = highest(change.map((value, label) => shown[label] + value));
      if (other !== top) won.set(other, (won.get(other) ?? 0) + 1);
      return other !== top;
    });
    const [most] = [...won].sort((a, b) => b[1] - a[1]);
    const answer = most ? `At ${lost.length} of ${N_PLACES} places (dots) the answer would change, mostly to ${classes[most[0]]}.` : "No covered place alone changes the answer.";
    return { changes, lost, text: `Covering an orange place makes ${classes[top]} less probable, a blue one more. ${answer}` };
  }

  function draw(context, side, { changes, lost }) {
    const cell = side / SIDE, largest = Math.max(MIN_SCALE, ...changes.map(Math.abs));
    context.clearRect(0, 0, side, side);
    changes.forEach((value, i) => {
      context.fillStyle = `rgb(${value < 0 ? "255 122 41" : "70 160 255"} / ${(0.85 * Math.abs(value)) / largest})`;
      context.fillRect((i % SIDE) * cell, Math.floor(i / SIDE) * cell, cell, cell);
    });
    context.fillStyle = "#fff";
    context.strokeStyle = "#000";
    for (const { middle: [row, column] } of lost) {
      context.beginPath();
      context.arc(column * cell, row * cell, 3, 0, 7);
      context.fill();
      context.stroke();
    }
  }

  return { listPlaces, compare, draw };
})();
if (typeof module !== "undefined") module.exports = Occlusion;
