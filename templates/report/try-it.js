// The section "Try the model": takes drawings, pictures and test images, and shows what the model makes of them.
(() => {
  const section = document.getElementById("try-it");
  if (!section || !Model.isSupported) return;
  const find = (name) => document.getElementById(`try-${name}`);
  const create = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const { SIDE, WHITE } = Picture;
  const MIN_SUBJECT = 0.2; // of the longest edge of the picture
  const DARK = 128;
  const N_BARS = 10; // of more than 20 classes, the most probable ones
  const SPEECH_MS = 600, REST_MS = 150; // without a change, before a screen reader speaks, and before places are covered
  const model = JSON.parse(find("model").textContent);
  const paper = find("paper"), seen = find("seen"), heat = find("heat");
  const drawing = createDrawing(paper, {
    size: () => Number(find("size").value),
    shade: () => Number(find("shade").value),
    onBegin: () => source.kind !== "drawing" && take({ kind: "drawing" }),
    onChange: schedule,
  });
  const PAPER = drawing.SIDE;
  let source = { kind: "drawing" }; // or { kind: "photo", picture } or { kind: "test", number, pixels }
  let turn = 0, nTaken = 0; // number of changes, and of pictures
  let isScheduled = false, isAsking = false, isBlank = false, question = null, speaking, warnings = "";

  function greyPicture(values, side) {
    const data = new Uint8ClampedArray(4 * side * side).fill(WHITE);
    values.forEach((value, i) => data.fill(value, 4 * i, 4 * i + 3));
    return { width: side, height: side, data };
  }
  const put = (context, { data, width, height }) => context.putImageData(new ImageData(data, width, height), 0, 0);
  const negate = (pixels) => pixels.map((value) => WHITE - value);
  const percent = (share) => `${(100 * share).toFixed(1)}%`;

  // What is taken
  function take(next) {
    source = next;
    nTaken++;
    for (const button of find("images").children) button.ariaPressed = String(button.value === next.number);
    find("name").textContent = next.number ? `${describe(next.number)}.` : "";
    schedule();
  }
  async function takeFile(file) {
    if (!file) return;
    const mine = ++nTaken;
    try {
      const picture = await PictureFile.read(file);
      if (mine === nTaken) take({ kind: "photo", picture });
    } catch ({ message }) {
      warn([`${file.name || "The picture"} ${message}.`]);
    }
  }
  const firstPicture = (files) => [...files].find((file) => file.type.startsWith("image/")) ?? files[0];
  for (const name of ["clear", "undo", "fill"]) {
    find(name).addEventListener("click", () => {
      if (name !== "undo" || source.kind === "drawing") drawing[name](); // after a picture, Undo shows the drawing again
      take({ kind: "drawing" });
    });
  }
  find("choose").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", ({ target }) => {
    takeFile(target.files[0]);
    target.value = "";
  });
  for (const [name, isOver] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      paper.classList.toggle("over", isOver);
      if (name !== "drop") return;
      takeFile(firstPicture(event.dataTransfer.files));
      goToSection(event.target);
    });
  }
  document.addEventListener("paste", (event) => {
    const file = firstPicture(event.clipboardData.files);
    if (file) event.preventDefault();
    takeFile(file);
  });
  // With an address of its own, so that "Back" leads back to what was clicked.
  function goToSection(from) {
    if (!section.contains(from)) location.hash = section.id;
  }

  // Test images
  const readNumber = ({ alt }) => /\d+/.exec(alt)[0];
  function describe(number) {
    const [y, predicted] = model.labels[number] ?? [];
    const classes = y === undefined ? "" : `: ${model.classes[y]}, predicted as ${model.classes[predicted]}`;
    return `Test image ${number}${classes}`;
  }
  function takeTestImage(image) {
    const { data } = PictureFile.readPixels(image);
    find("invert").checked = false;
    take({ kind: "test", number: readNumber(image), pixels: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]) });
  }
  function listTestImages(images) {
    const byNumber = new Map();
    for (const image of images) if (!byNumber.has(readNumber(image))) byNumber.set(readNumber(image), image.src);
    const buttons = [...byNumber].map(([number, src], i) => {
      const button = create("button", { type: "button", value: number, title: describe(number), tabIndex: i ? -1 : 0, ariaPressed: "false" });
      button.append(create("img", { src, alt: describe(number), className: "picture", width: 56, height: 56 }));
      return button;
    });
    find("images").append(...buttons);
    find("images").addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
      const next = buttons[Math.min(Math.max(buttons.indexOf(event.target) + step, 0), buttons.length - 1)];
      if (!next) return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
    document.addEventListener("click", ({ target }) => {
      const image = target.matches?.('img[alt^="Test image"]') ? target : target.closest?.("#try-images button")?.firstChild;
      if (!image) return;
      takeTestImage(image);
      goToSection(image);
    });
    find("strip").hidden = !buttons.length;
    document.documentElement.classList.add("trying");
    return buttons[0]?.firstChild;
  }

  // What the model sees
  function schedule() {
    turn++;
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      update();
    });
  }
  function prepare() {
    const isInverted = find("invert").checked;
    if (source.kind === "test") return { pixels: isInverted ? negate(source.pixels) : source.pixels, subject: true };
    return Picture.prepare(source.picture ?? greyPicture(drawing.pixels(), PAPER), { isLight: isInverted, crops: find("crop").checked });
  }
  function update() {
    const prepared = prepare();
    find("undo").ariaDisabled = String(!drawing.canUndo());
    find("crop").disabled = source.kind === "test";
    showPaper(prepared.subject);
    put(seen.getContext("2d", { willReadFrequently: true }), greyPicture(prepared.pixels, SIDE));
    heat.getContext("2d", { willReadFrequently: true }).clearRect(0, 0, PAPER, PAPER);
    const pixels = Float64Array.from(prepared.pixels, (value) => value / WHITE);
    isBlank = !prepared.subject;
    question = isBlank ? null : { prepared, pixels, source, turn };
    if (isBlank) showNothing();
    else ask();
  }
  function showPaper(subject) {
    const context = paper.getContext("2d");
    if (source.kind === "drawing") {
      put(context, greyPicture(drawing.pixels(), PAPER));
      return drawing.showPen(context);
    }
    const original = source.picture ?? greyPicture(negate(source.pixels), SIDE);
    const { width, height } = original, scale = PAPER / Math.max(width, height);
    const [left, top] = [(PAPER - width * scale) / 2, (PAPER - height * scale) / 2];
    const whole = create("canvas", { width, height });
    put(whole.getContext("2d"), original);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, PAPER, PAPER);
    context.imageSmoothingEnabled = source.kind === "photo";
    context.drawImage(whole, left, top, width * scale, height * scale);
    if (subject?.width && find("crop").checked) {
      const box = [left + subject.left * scale, top + subject.top * scale, subject.width * scale, subject.height * scale];
      for (const [colour, dashes] of [["#fff", []], ["#0b5fa5", [4, 4]]]) {
        context.strokeStyle = colour;
        context.setLineDash(dashes);
        context.strokeRect(...box);
      }
      context.setLineDash([]);
    }
    drawing.showPen(context);
  }

  // The answer: one question at a time, always about the newest picture.
  async function ask() {
    if (isAsking) return;
    isAsking = true;
    while (question) {
      const asked = question, begun = performance.now();
      question = null;
      try {
        const answer = await Model.predict(asked.pixels);
        if (isBlank) break;
        find("time").textContent = `Computed in ${(performance.now() - begun).toFixed(1)} ms ${Model.place}.`;
        showProbabilities(answer.probabilities, asked.source.number);
        warn(findWarnings(asked, answer.isUnlike));
        explain(asked.pixels, asked.turn);
      } catch ({ message }) {
        warn([message]);
      }
    }
    isAsking = false;
  }
  function showProbabilities(probabilities, number) {
    const ranked = [...probabilities].sort((a, b) => b - a), top = probabilities.indexOf(ranked[0]);
    const y = model.labels[number]?.[0];
    [...find("bars").children].forEach((row, label) => {
      row.classList.toggle("top", label === top);
      row.classList.toggle("true", label === y);
      row.hidden = ranked.length > 2 * N_BARS && label !== y && probabilities[label] < ranked[N_BARS - 1];
      row.children[1].textContent = percent(probabilities[label]);
      row.lastChild.style.setProperty("--share", percent(probabilities[label]));
    });
    say(model.classes[top], percent(probabilities[top]), number ? ` ${describe(number)}.` : "");
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
  // The answer follows at once; screen readers hear it when the picture rests.
  function say(name, share, detail) {
    clearTimeout(speaking);
    find("answer").replaceChildren(create("b", { textContent: name }), ` ${share}`);
    speaking = setTimeout(() => {
      find("spoken").textContent = `${name}, ${share}.${detail}`;
    }, SPEECH_MS);
  }
  function warn(texts) {
    if (texts.join() === warnings) return;
    warnings = texts.join();
    find("warnings").replaceChildren(...texts.map((textContent) => create("li", { textContent })));
  }
  function findWarnings({ prepared: { subject, corners }, source: { kind, picture } }, isUnlike) {
    const isInverted = find("invert").checked, texts = [];
    if (kind !== "test") {
      const { width, height } = picture ?? { width: PAPER, height: PAPER };
      const longest = Math.max(subject.width, subject.height);
      if (isInverted && corners >= DARK) texts.push("The background is light: switch Invert off.");
      if (!isInverted && corners < DARK) texts.push("The background is dark, but the model learned from pictures on a light background: switch Invert on.");
      if (longest < SIDE) texts.push(`The subject has only ${longest} pixels: its details are lost.`);
      else if (longest < MIN_SUBJECT * Math.max(width, height)) texts.push("The subject is small in its picture: get closer, or draw larger.");
    }
    const hint = kind === "drawing" ? " They show whole pieces: close the outline and fill it." : "";
    if (isUnlike) texts.push(`This is unlike the training images: 99% of the test images are closer to them.${hint}`);
    return texts;
  }
  async function explain(pixels, mine) {
    const note = find("matters");
    if (!find("occlude").checked) return (note.textContent = "");
    await new Promise((resume) => setTimeout(resume, REST_MS));
    if (mine !== turn) return;
    const places = Occlusion.listPlaces(pixels);
    try {
      const rows = await Model.predictEach([pixels, ...places.map(({ covered }) => covered)], (fraction) => {
        if (mine === turn) note.textContent = `Covering one place after the other: ${Math.round(100 * fraction)}%`;
        return mine === turn;
      });
      if (!rows || mine !== turn) return;
      const effect = Occlusion.compare(places, rows, model.classes);
      Occlusion.draw(heat.getContext("2d"), PAPER, effect);
      note.textContent = effect.text;
    } catch ({ message }) {
      note.textContent = message;
    }
  }

  for (const name of ["crop", "invert", "occlude", "size"]) find(name).addEventListener("input", schedule);
  for (const name of model.classes) {
    const row = document.createElement("li");
    row.append(create("bdi", { textContent: name }), document.createElement("span"), document.createElement("i"));
    find("bars").append(row);
  }
  Model.open(model).then((images) => {
    for (const hidden of [section, ...document.querySelectorAll('a[href="#try-it"], .try-hint')]) hidden.hidden = false;
    if (location.hash === `#${section.id}`) section.scrollIntoView();
    const image = listTestImages(images);
    if (image) image.decode().then(() => takeTestImage(image));
    else schedule();
  });
})();
