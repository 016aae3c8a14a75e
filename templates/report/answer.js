// Shows the answer of the model: the most probable class, the bars of all classes, and the warnings.
function createAnswer({ find, create, classes }) {
  const N_BARS = 10; // with more than 20 classes, only the most probable ones are shown
  const SPEECH_MS = 600; // without a change, before a screen reader speaks
  let speaking, warnings = "";
  const percent = (share) => `${(100 * share).toFixed(1)}%`;

  for (const name of classes) {
    const row = create("li");
    row.append(create("bdi", { textContent: name }), create("span"), create("i"));
    find("bars").append(row);
  }

  // The answer follows at once; screen readers hear it when the picture rests.
  function say(name, share, detail) {
    clearTimeout(speaking);
    find("answer").replaceChildren(create("b", { textContent: name }), ` ${share}`);
    speaking = setTimeout(() => {
      find("spoken").textContent = `${name}, ${share}.${detail}`;
    }, SPEECH_MS);
  }

  return {
    // y: the true class, if it is known; detail: a sentence for screen readers.
    show(probabilities, y, detail) {
      const ranked = [...probabilities].sort((a, b) => b - a), top = probabilities.indexOf(ranked[0]);
      [...find("bars").children].forEach((row, label) => {
        row.classList.toggle("top", label === top);
        row.classList.toggle("true", label === y);
        row.hidden = ranked.length > 2 * N_BARS && label !== y && probabilities[label] < ranked[N_BARS - 1];
        row.children[1].textContent = percent(probabilities[label]);
        row.lastChild.style.setProperty("--share", percent(probabilities[label]));
      });
      say(classes[top], percent(probabilities[top]), detail);
    },
    clear(text) {
      clearTimeout(speaking);
      for (const row of find("bars").children) {
        row.className = row.children[1].textContent = "";
        row.lastChild.style.setProperty("--share", "0%");
      }
      find("time").textContent = find("matters").textContent = find("spoken").textContent = "";
      find("answer").textContent = text;
    },
    warn(texts) {
      if (texts.join() === warnings) return;
      warnings = texts.join();
      find("warnings").replaceChildren(...texts.map((textContent) => create("li", { textContent })));
    },
  };
}
