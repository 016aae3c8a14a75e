for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (head.tagName === "TD") return; // above the bars
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rising = head.ariaSort === "descending" || (column === 0 && head.ariaSort !== "ascending");
      const value = (row) => Number(row.cells[column].dataset.value);
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.ariaSort = rising ? "ascending" : "descending";
      body.append(...[...body.rows].sort((a, b) => (rising ? value(a) - value(b) : value(b) - value(a))));
    });
  });
}
