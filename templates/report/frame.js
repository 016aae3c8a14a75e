// Follows links within the page in a frame whose document is in the attribute srcdoc: there, the browser resolves them
// against the address of the page around it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const address = link && (link.getAttribute("href") || link.getAttribute("xlink:href"));
  const place = address?.startsWith("#") && document.getElementById(address.slice(1));
  if (!place) return;
  event.preventDefault();
  for (let part = place.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  place.scrollIntoView();
});
