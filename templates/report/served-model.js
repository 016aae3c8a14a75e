// Asks the server that sent this page. in-page-model.js has the same functions.
const Model = (() => {
  const { SIDE, WHITE } = Picture;
  let classes;

  function listRows(pixels) {
    const values = Array.from(pixels, (value) => Math.round(value * WHITE));
    return Array.from({ length: SIDE }, (_, row) => values.slice(row * SIDE, (row + 1) * SIDE));
  }
  async function send(images) {
    const body = JSON.stringify({ images: images.map(listRows) });
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("predict", { method: "POST", headers, body }).catch(() => null);
    if (!response) throw new Error("The server does not answer.");
    const content = await response.json().catch(() => null);
    if (!content) throw new Error("The server did not answer with JSON.");
    if (!response.ok) throw new Error(`The server refused: ${content.error}.`);
    return content.predictions.map(({ probabilities, warnings }) => ({
      probabilities: classes.map((name) => probabilities[name]),
      isUnlike: warnings.some((text) => text.startsWith("This is unlike the data")),
    }));
  }

  return {
    place: "by the server",
    isSupported: true,
    // Returns the test images that the report contains.
    async open(description) {
      classes = description.classes;
      const response = await fetch("./").catch(() => null);
      if (!response?.ok) return [];
      const text = (await response.text()).replace(/<style>.*?<\/style>/s, ""); // the policy of this page forbids it
      const report = new DOMParser().parseFromString(text, "text/html");
      return [...report.querySelectorAll('img[alt^="Test image"][src^="data:"]')];
    },
    async predict(pixels) {
      const [answer] = await send([pixels]);
      return answer;
    },
    async predictEach(images) {
      return (await send(images)).map(({ probabilities }) => probabilities);
    },
  };
})();
