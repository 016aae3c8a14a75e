// The section "Try the model": drawing, pictures, test images, probabilities, and what matters for them.
(() => {
  const section = document.getElementById("try-it");
  if (!section || typeof DecompressionStream === "undefined") return; // browsers before 2023
  const find = (name) => document.getElementById(`try-${name}`);
  const create = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const { SIDE, WHITE } = Picture;
  const PAPER = 280;
  const MAX_FILE_BYTES = 2 ** 26;
  const MAX_SIDE = 1120; // of a picture in memory; larger ones are read in strips, and rows and columns are skipped
  const MIN_SUBJECT = 0.2; // of the longest edge of the picture
  const DARK = 128;
  const PATCH = 4;
  const N_BARS = 10; // of more than 20 classes, the most probable ones
  const model = JSON.parse(find("model").textContent);
  const paper = find("paper"), seen = find("seen"), heat = find("heat");
  let network; // unpacked
  let ink = new Uint8Array(PAPER * PAPER).fill(WHITE); // the drawing
  let history = [];
  let source = { kind: "drawing" }; // or { kind: "photo", picture, shown } or { kind: "test", pixels }
  let pen = { x: PAPER / 2, y: PAPER / 2, isVisible: false };
  let isScheduled = false, turn = 0, speaking, warnings = "";

  function greyPicture(values, side) {
    const data = new Uint8ClampedArray(4 * side * side).fill(WHITE);
    values.forEach((value, i) => data.fill(value, 4 * i, 4 * i + 3));
    return { width: side, height: side, data };
  }
  const put = (context, { data, width, height }) => context.putImageData(new ImageData(data, width, height), 0, 0);

  // Drawing
  function dot(x, y, size) {
    const shade = Number(find("shade").value), radius = size / 2;
    for (let row = Math.max(0, Math.ceil(y - radius)); row <= Math.min(PAPER - 1, y + radius); row++) {
      const half = Math.sqrt(radius ** 2 - (row - y) ** 2);
      for (let column = Math.max(0, Math.ceil(x - half)); column <= Math.min(PAPER - 1, x + half); column++) ink[row * PAPER + column] = shade;
    }
  }
  function line(x, y, size) {
    const n = Math.max(1, Math.ceil(Math.hypot(x - pen.x, y - pen.y)));
    for (let i = 1; i <= n; i++) dot(pen.x + ((x - pen.x) * i) / n, pen.y + ((y - pen.y) * i) / n, size);
    pen = { ...pen, x, y };
  }
  function begin() {
    if (source.kind !== "drawing") take({ kind: "drawing" });
    history = [...history.slice(-19), ink.slice()];
  }
  const penSize = (event) => Number(find("size").value) * (event.pointerType === "pen" && event.pressure ? 0.4 + 1.2 * event.pressure : 1);
  function place(event) {
    const frame = paper.getBoundingClientRect();
    return [((event.clientX - frame.left) * PAPER) / frame.width, ((event.clientY - frame.top) * PAPER) / frame.height];
  }
  paper.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    paper.setPointerCapture(event.pointerId);
    begin();
    const [x, y] = place(event);
    pen = { x, y, isVisible: false, id: event.pointerId };
    dot(x, y, penSize(event));
    schedule();
  });
  paper.addEventListener("pointermove", (event) => {
    if (pen.id !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) line(...place(each), penSize(each));
    schedule();
  });
  for (const name of ["pointerup", "pointercancel"]) paper.addEventListener(name, () => delete pen.id);
  paper.addEventListener("keydown", (event) => {
    const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.ctrlKey || event.metaKey || event.altKey || (!right && !down && event.key !== " ")) return;
    event.preventDefault();
    const clamp = (value) => Math.min(Math.max(value, 0), PAPER);
    const x = clamp(pen.x + 10 * right), y = clamp(pen.y + 10 * down), size = Number(find("size").value);
    if (event.key === " " || event.shiftKey) {
      if (!event.repeat || source.kind !== "drawing") begin();
      line(x, y, size);
    }
    pen = { x, y, isVisible: true };
    schedule();
  });
  paper.addEventListener("blur", () => {
    pen.isVisible = false;
    schedule();
  });
  find("clear").addEventListener("click", () => {
    begin();
    ink.fill(WHITE);
    schedule();
  });
  find("undo").addEventListener("click", () => {
    ink = history.pop() ?? ink;
    take({ kind: "drawing" });
  });
  find("fill").addEventListener("click", () => {
    begin();
    const shade = Number(find("shade").value), outside = new Uint8Array(PAPER * PAPER), open = [];
    const visit = (x, y) => {
      const i = y * PAPER + x;
      if (x < 0 || y < 0 || x >= PAPER || y >= PAPER || outside[i] || ink[i] !== WHITE) return;
      outside[i] = 1;
      open.push([x, y]);
    };
    for (let i = 0; i < PAPER; i++) [[i, 0], [i, PAPER - 1], [0, i], [PAPER - 1, i]].forEach((edge) => visit(...edge));
    while (open.length) {
      const [x, y] = open.pop();
      [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]].forEach((next) => visit(...next));
    }
    ink.forEach((value, i) => value === WHITE && !outside[i] && (ink[i] = shade));
    schedule();
  });

  // Pictures
  async function decodeFile(file) {
    if (file.size > MAX_FILE_BYTES) throw new Error("is larger than 64 MiB");
    try {
      if (file.type !== "image/svg+xml") return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" });
      const image = create("img", { src: `data:image/svg+xml;base64,${btoa(String.fromCharCode(...new Uint8Array(await file.arrayBuffer())))}` });
      await image.decode();
      return image;
    } catch {
      throw new Error("is not a picture that this browser can read");
    }
  }
  // Reads an image in strips, so that a picture of any size needs little memory.
  function readPixels(image) {
    const [width, height] = [image.naturalWidth || image.width || PAPER, image.naturalHeight || image.height || PAPER];
    const step = Math.ceil(Math.max(width, height) / MAX_SIDE);
    const small = { width: Math.ceil(width / step), height: Math.ceil(height / step) };
    small.data = new Uint8ClampedArray(4 * small.width * small.height);
    const rows = Math.max(1, Math.floor(2 ** 20 / width));
    const context = create("canvas", { width, height: rows }).getContext("2d", { willReadFrequently: true });
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
  async function takeFile(file) {
    if (!file) return;
    const mine = ++turn;
    try {
      const image = await decodeFile(file);
      const picture = readPixels(image);
      image.close?.();
      if (mine === turn) take({ kind: "photo", picture });
    } catch (error) {
      const reason = error.message.startsWith("is ") ? error.message : "cannot be read";
      warn([`${file.name || "The picture"} ${reason}.`]);
    }
  }
  const firstPicture = (items) => [...items].find((file) => file.type.startsWith("image/")) ?? items[0];
  find("choose").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", ({ target }) => {
    takeFile(target.files[0]);
    target.value = "";
  });
  for (const [name, isOver] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    section.addEventListener(name, (event) => {
      event.preventDefault();
      paper.classList.toggle("over", isOver);
      if (name === "drop") takeFile(firstPicture(event.dataTransfer.files));
    });
  }
  document.addEventListener("paste", (event) => {
    const file = firstPicture(event.clipboardData.files);
    if (file) event.preventDefault();
    takeFile(file);
  });

  // Test images
  const isTestImage = (element) => element.matches?.('img[alt^="Test image"]');
  function takeTestImage(image) {
    const { data } = readPixels(image);
    find("crop").checked = true;
    find("invert").checked = false;
    take({ kind: "test", name: image.alt, pixels: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]) });
  }
  function listTestImages() {
    const strip = find("images");
    const all = [...document.querySelectorAll('img[alt^="Test image"]')];
    const byNumber = new Map();
    for (const image of all) {
      const number = /\d+/.exec(image.alt)[0];
      if (image.alt.includes(":") || !byNumber.has(number)) byNumber.set(number, image); // the text with a colon says more
    }
    const buttons = [...byNumber.values()].map(({ alt, src }, i) => {
      const button = create("button", { type: "button", title: alt, tabIndex: i ? -1 : 0, ariaPressed: "false" });
      button.append(create("img", { src, alt }));
      return button;
    });
    strip.append(...buttons);
    strip.addEventListener("keydown", ({ key, target }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[key];
      const next = buttons[Math.min(Math.max(buttons.indexOf(target) + step, 0), buttons.length - 1)];
      if (!next) return;
      target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
    document.addEventListener("click", ({ target }) => {
      const image = isTestImage(target) ? target : target.closest?.("#try-images button")?.firstChild;
      if (!image) return;
      takeTestImage(image);
      if (!section.contains(image)) section.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    });
    document.documentElement.classList.add("trying");
    return buttons[0]?.firstChild;
  }

  // The answer
  function take(next) {
    source = next;
    turn++;
    for (const button of find("images").children) button.ariaPressed = String(button.title === next.name);
    find("name").textContent = next.name ? `${next.name}.` : "You can also click on any test image in the report.";
    schedule();
  }
  function schedule() {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      update();
    });
  }
  function prepare() {
    const isInverted = find("invert").checked;
    if (source.kind === "test") return { pixels: source.pixels.map((value) => (isInverted ? WHITE - value : value)), subject: true, corners: WHITE };
    const picture = source.picture ?? greyPicture(ink, PAPER);
    return Picture.prepare(picture, { isLight: isInverted, crops: find("crop").checked });
  }
  function update() {
    const prepared = prepare();
    const pixels = Float64Array.from(prepared.pixels, (value) => value / WHITE);
    find("undo").disabled = !history.length;
    find("crop").disabled = source.kind === "test";
    showPaper(prepared.subject);
    put(seen.getContext("2d", { willReadFrequently: true }), greyPicture(prepared.pixels, SIDE));
    heat.getContext("2d", { willReadFrequently: true }).clearRect(0, 0, PAPER, PAPER);
    if (!prepared.subject) return showNothing();
    const begun = performance.now();
    const probabilities = Network.predict(network, pixels);
    find("time").textContent = `Computed in ${(performance.now() - begun).toFixed(1)} ms in this browser.`;
    showProbabilities(probabilities);
    warn(findWarnings(prepared, pixels));
    explain(pixels, ++turn);
  }
  function showPaper(subject) {
    const context = paper.getContext("2d");
    const { kind, picture, pixels } = source;
    put(context, greyPicture(kind === "drawing" ? ink : new Uint8Array(PAPER * PAPER).fill(WHITE), PAPER));
    if (kind !== "drawing") {
      const original = picture ?? greyPicture(pixels, SIDE);
      const small = create("canvas", { width: original.width, height: original.height });
      put(small.getContext("2d"), original);
      const scale = PAPER / Math.max(original.width, original.height);
      const [left, top] = [(PAPER - original.width * scale) / 2, (PAPER - original.height * scale) / 2];
      context.imageSmoothingEnabled = kind === "photo";
      context.drawImage(small, left, top, original.width * scale, original.height * scale);
      context.imageSmoothingEnabled = true;
      if (subject?.width && find("crop").checked) {
        context.strokeStyle = "#0b5fa5";
        context.setLineDash([4, 3]);
        context.strokeRect(left + subject.left * scale, top + subject.top * scale, subject.width * scale, subject.height * scale);
        context.setLineDash([]);
      }
    }
    if (!pen.isVisible) return;
    context.strokeStyle = "#0b5fa5";
    context.lineWidth = 2;
    context.beginPath();
    context.arc(pen.x, pen.y, Number(find("size").value) / 2 + 2, 0, 7);
    context.stroke();
    context.lineWidth = 1;
  }
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  function showProbabilities(probabilities) {
    const ranked = [...probabilities].sort((a, b) => b - a), top = probabilities.indexOf(ranked[0]);
    [...find("bars").children].forEach((row, label) => {
      row.className = label === top ? "top" : "";
      row.hidden = ranked.length > 2 * N_BARS && probabilities[label] < ranked[N_BARS - 1];
      row.children[1].textContent = percent(probabilities[label]);
      row.lastChild.style.setProperty("--share", percent(probabilities[label]));
    });
    say(`${model.classes[top]}, ${percent(probabilities[top])}${source.name ? `. ${source.name}.` : ""}`, model.classes[top], percent(probabilities[top]));
  }
  function showNothing() {
    for (const row of find("bars").children) {
      row.className = row.children[1].textContent = "";
      row.lastChild.style.setProperty("--share", "0%");
    }
    find("time").textContent = find("matters").textContent = "";
    find("answer").textContent = source.kind === "drawing" ? "Draw something." : "";
    warn(source.kind === "drawing" ? [] : ["The picture has a single colour."]);
  }
  // The heading follows at once; screen readers hear it when the picture rests.
  function say(text, name, share) {
    clearTimeout(speaking);
    find("answer").replaceChildren(create("b", { textContent: name }), ` ${share}`);
    speaking = setTimeout(() => {
      find("spoken").textContent = text;
    }, 600);
  }
  function warn(texts) {
    if (texts.join() === warnings) return;
    warnings = texts.join();
    find("warnings").replaceChildren(...texts.map((textContent) => create("li", { textContent })));
  }
  function findWarnings({ subject, corners }, pixels) {
    const isInverted = find("invert").checked, texts = [];
    if (source.kind !== "test") {
      const { width, height } = source.picture ?? { width: PAPER, height: PAPER };
      const longest = Math.max(subject.width, subject.height);
      if (isInverted && corners >= DARK) texts.push("The background is light: switch Invert off.");
      if (!isInverted && corners < DARK) texts.push("The background is dark, but the model learned from pictures on a light background: switch Invert on.");
      if (longest < SIDE) texts.push(`The subject has only ${longest} pixels: its details are lost.`);
      else if (longest < MIN_SUBJECT * Math.max(width, height)) texts.push("The subject is small in its picture; get closer, or draw larger.");
    }
    if (Network.distance(network, pixels) > model.limit) {
      const hint = source.kind === "drawing" ? " They show whole pieces, so fill an outline." : "";
      texts.push(`This is unlike the training images: 99% of the test images are closer to them.${hint}`);
    }
    return texts;
  }

  // What matters: covers each place with black, and looks at the probability of the answer.
  async function explain(pixels, mine) {
    const note = find("matters");
    if (!find("occlude").checked) return (note.textContent = "");
    const highest = (values) => values.indexOf(Math.max(...values));
    const before = Network.predictOnce(network, pixels);
    const top = highest(before);
    const change = new Float64Array(SIDE * SIDE), changed = [], others = new Map();
    let n = 0, paused = performance.now();
    for (let row = -2; row < SIDE; row += 2) {
      for (let column = -2; column < SIDE; column += 2) {
        const inside = [];
        for (let y = Math.max(row, 0); y < Math.min(row + PATCH, SIDE); y++) for (let x = Math.max(column, 0); x < Math.min(column + PATCH, SIDE); x++) inside.push(y * SIDE + x);
        n++;
        if (!inside.some((i) => pixels[i])) continue;
        const covered = pixels.slice();
        for (const i of inside) covered[i] = 0;
        const after = Network.predictOnce(network, covered);
        for (const i of inside) change[i] += (after[top] - before[top]) / 4; // each pixel is in four places
        const other = highest(after);
        if (other !== top) {
          changed.push([row + PATCH / 2, column + PATCH / 2]);
          others.set(other, (others.get(other) ?? 0) + 1);
        }
        if (performance.now() - paused < 30) continue;
        note.textContent = `Covering one place after the other: ${Math.round((100 * n) / 225)}%`;
        await new Promise((resume) => setTimeout(resume));
        if (mine !== turn) return;
        paused = performance.now();
      }
    }
    drawHeat(change, changed);
    const name = model.classes[top];
    const [most] = [...others].sort((a, b) => b[1] - a[1]);
    const answer = most ? `At ${changed.length} of ${n} places (dots) the answer would change, mostly to ${model.classes[most[0]]}.` : "No covered place alone changes the answer.";
    note.textContent = `Covering an orange place makes ${name} less probable, a blue one more. ${answer}`;
  }
  function drawHeat(change, changed) {
    const context = heat.getContext("2d"), cell = PAPER / SIDE;
    const largest = Math.max(0.02, ...change.map(Math.abs));
    context.clearRect(0, 0, PAPER, PAPER);
    change.forEach((value, i) => {
      context.fillStyle = `rgb(${value < 0 ? "255 122 41" : "70 160 255"} / ${(0.85 * Math.abs(value)) / largest})`;
      context.fillRect((i % SIDE) * cell, Math.floor(i / SIDE) * cell, cell, cell);
    });
    context.fillStyle = "#fff";
    context.strokeStyle = "#000";
    for (const [row, column] of changed) {
      context.beginPath();
      context.arc(column * cell, row * cell, 3, 0, 7);
      context.fill();
      context.stroke();
    }
  }

  for (const name of ["crop", "invert", "occlude", "size"]) find(name).addEventListener("input", schedule);
  for (const name of model.classes) {
    const row = document.createElement("li");
    row.append(create("bdi", { textContent: name }), document.createElement("span"), document.createElement("i"));
    find("bars").append(row);
  }
  Network.unpack(model, find("data").textContent).then((unpacked) => {
    network = unpacked;
    for (const hidden of [section, ...document.querySelectorAll('a[href="#try-it"]')]) hidden.hidden = false;
    const image = listTestImages();
    if (image) image.decode().then(() => takeTestImage(image));
    else schedule();
  });
})();
