// Asks the network in this page. served-model.js has the same functions and asks a server.
const Model = (() => {
  const PAUSE_MS = 30; // between the moments in which the page can react
  let network, limit;
  return {
    place: "in this browser",
    isSupported: typeof DecompressionStream !== "undefined", // browsers of 2023 or later
    // Returns the test images to choose from.
    async open(description) {
      limit = description.limit;
      network = await Network.unpack(description, document.getElementById("try-data").textContent);
      return [...document.querySelectorAll('img[alt^="Test image"]')];
    },
    async predict(pixels) {
      return { probabilities: Network.predict(network, pixels), isUnlike: Network.distance(network, pixels) > limit };
    },
    // Without test-time augmentation, which takes up to ten times as long. Stops if onProgress(fraction) is false.
    async predictEach(images, onProgress) {
      const rows = [];
      let paused = performance.now();
      for (const pixels of images) {
        rows.push(Network.predictOnce(network, pixels));
        if (performance.now() - paused < PAUSE_MS) continue;
        if (!onProgress(rows.length / images.length)) return null;
        await new Promise((resume) => setTimeout(resume));
        paused = performance.now();
      }
      return rows;
    },
  };
})();
