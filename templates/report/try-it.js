// The section "Try the model": takes drawings, pictures and test images, and shows what the model makes of them.
(() => {
  const section = document.getElementById("try-it");
  if (!section || !Model.isSupported) return;
  const find = (name) => document.getElementById(`try-${name}`);
  const create = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const { SIDE, WHITE } = Picture;
  const MIN_SUBJECT = 0.2; // a subject is small below this fraction of the longest edge of its picture
  const DARK = 128;
  const REST_MS = 150; // without a change, before places are covered
  const model = JSON.parse(find("model").textContent);
  const paper = find("paper"), seen = find("seen"), heat = find("heat");
  const drawing = createDrawing(paper, {
    size: () => Number(find("size").value),
    shade: () => Number(find("shade").value),
    onBegin: () => {
      const shown = source;
      if (shown.kind !== "drawing") take({ kind: "drawing" });
      return shown;
    },
    onChange: schedule,
  });
  const PAPER = drawing.SIDE;
  const answer = createAnswer({ find, create, classes: model.classes });
  const testImages = createTestImages({
    find,
    create,
    describe,
    labels: model.labels,
    onTake: (test, image) => {
      take(test);
      goToSection(image);
    },
  });
  let source = { kind: "drawing" }; // or { kind: "photo", name, picture } or { kind: "test", number, pixels }
  let turn = 0, nTaken = 0; // number of changes, and of pictures
  let isScheduled = false, isAsking = false, isBlank = false, question = null;

  function greyPicture(values, side) {
    const data = new Uint8ClampedArray(4 * side * side).fill(WHITE);
    values.forEach((value, i) => data.fill(value, 4 * i, 4 * i + 3));
    return { width: side, height: side, data };
  }
  const put = (context, { data, width, height }) => context.putImageData(new ImageData(data, width, height), 0, 0);
  const negate = (pixels) => pixels.map((value) => WHITE - value);

  // What is taken
  function take(next) {
    if (next.kind !== "drawing") find("invert").checked = next.kind === "photo" && Picture.prepare(next.picture).corners < DARK;
    else if (source.kind !== "drawing") find("invert").checked = false;
    source = next;
    nTaken++;
    testImages.mark(next.number);
    find("name").textContent = next.number ? `${describe(next.number)}.` : next.name ?? "";
    schedule();
  }
  async function takeFile(file) {
    const mine = ++nTaken;
    try {
      const picture = await PictureFile.read(file);
      if (mine === nTaken) take({ kind: "photo", name: file.name, picture });
    } catch ({ message }) {
      if (mine === nTaken) answer.warn([`${file.name || "The picture"} ${message}.`]);
    }
  }
  for (const name of ["clear", "undo", "fill"]) {
    find(name).addEventListener("click", () => {
      const isDrawing = source.kind === "drawing";
      if (name === "fill" && !isDrawing) return;
      const before = name !== "undo" || isDrawing ? drawing[name]() : null; // after a picture, Undo shows the drawing again
      take(before ?? { kind: "drawing" });
    });
  }
  PictureFile.receive({
    find,
    onFile: (file, place) => {
      takeFile(file);
      goToSection(place);
    },
  });
  // With an address of its own, so that "Back" leads back to what was clicked.
  function goToSection(from) {
    if (!section.contains(from)) location.hash = section.id;
  }

  function describe(number) {
    const [y, predicted] = model.labels[number] ?? [];
    if (y === undefined) return `Test image ${number}`;
    return `Test image ${number}: ${model.classes[y]}, predicted ${y === predicted ? "correctly" : `as ${model.classes[predicted]}`}`;
  }

  // What the model sees
  function schedule() {
    section.dataset.turn = ++turn;
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
    find("fill").ariaDisabled = String(source.kind !== "drawing");
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
        const { probabilities, isUnlike } = await Model.predict(asked.pixels);
        if (isBlank) break;
        const { number } = asked.source;
        find("time").textContent = `Computed in ${(performance.now() - begun).toFixed(1)} ms ${Model.place}.`;
        answer.show(probabilities, model.labels[number]?.[0], number ? ` ${describe(number)}.` : "");
        answer.warn(findWarnings(asked, isUnlike));
        explain(asked, probabilities);
      } catch ({ message }) {
        if (isBlank) break;
        answer.clear("");
        answer.warn([message]);
      }
      section.dataset.answered = asked.turn;
    }
    isAsking = false;
  }
  function showNothing() {
    const isDrawing = source.kind === "drawing";
    answer.clear(isDrawing ? "Draw something." : "");
    answer.warn(isDrawing ? [] : ["The picture has a single colour."]);
    section.dataset.answered = turn;
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
    const hint = kind === "drawing" ? " The data shows whole pieces, so fill the outline, and draw large." : "";
    if (isUnlike) texts.push(`This is unlike the data: 99% of the test images are closer to the mean image of a class.${hint}`);
    return texts;
  }
  async function explain({ pixels, turn: mine }, shown) {
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
      const effect = Occlusion.compare(places, rows, shown, model.classes);
      Occlusion.draw(heat.getContext("2d"), PAPER, effect);
      note.textContent = effect.text;
    } catch ({ message }) {
      note.textContent = message;
    }
  }

  for (const name of ["crop", "invert", "occlude", "size"]) find(name).addEventListener("input", schedule);
  Model.open(model).then((images) => {
    for (const hidden of [section, ...document.querySelectorAll('a[href="#try-it"], .try-hint')]) hidden.hidden = false;
    if (location.hash === `#${section.id}`) section.scrollIntoView();
    if (!testImages.list(images)) schedule();
  });
})();
