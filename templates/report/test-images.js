// Offers the test images of the page: in a strip of buttons, and wherever else the page shows them. The strip begins
// with a correct one of each class. labels: true and predicted class by number.
function createTestImages({ find, create, describe, labels, onTake }) {
  const readNumber = ({ alt }) => /\d+/.exec(alt)[0];

  function createButton([number, src], index) {
    const button = create("button", { type: "button", value: number, title: describe(number), tabIndex: index ? -1 : 0, ariaPressed: "false" });
    button.append(create("img", { src, alt: describe(number), className: "picture", width: 56, height: 56 }));
    return button;
  }
  function moveFocus(event) {
    const buttons = [...find("images").children];
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    const next = buttons[Math.min(Math.max(buttons.indexOf(event.target) + step, 0), buttons.length - 1)];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
  function take(image) {
    const { data } = PictureFile.readPixels(image);
    const pixels = Uint8Array.from({ length: Picture.SIDE ** 2 }, (_, i) => data[4 * i]);
    onTake({ kind: "test", number: readNumber(image), pixels }, image);
  }

  return {
    // Lists images once each, and takes the first one; returns whether there is one.
    list(images) {
      const byNumber = new Map();
      for (const image of images) if (!byNumber.has(readNumber(image))) byNumber.set(readNumber(image), image.src);
      const correct = [...byNumber.keys()].filter((number) => labels[number] && labels[number][0] === labels[number][1]).reverse();
      const examples = new Set(new Map(correct.map((number) => [labels[number][0], number])).values());
      const isExample = (number) => Number(examples.has(number));
      const buttons = [...byNumber].sort(([a], [b]) => isExample(b) - isExample(a)).map(createButton);
      find("images").append(...buttons);
      find("images").addEventListener("keydown", moveFocus);
      find("strip").hidden = !buttons.length;
      document.addEventListener("click", ({ target }) => {
        const image = target.matches?.('img[alt^="Test image"]') ? target : target.closest?.("#try-images button")?.firstChild;
        if (image) take(image);
      });
      document.documentElement.classList.add("trying");
      const first = buttons[0]?.firstChild;
      first?.decode().then(() => take(first));
      return Boolean(first);
    },
    mark(number) {
      for (const button of find("images").children) button.ariaPressed = String(button.value === number);
    },
  };
}
