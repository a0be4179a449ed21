// Tables that sort by a click on a heading: by number where the column has numbers, else by text.

function sortable(table) {
  const headers = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  headers.forEach((header, column) => header.querySelector("button").addEventListener("click", () => {
    const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headers.forEach(other => other.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    body.append(...[...body.rows].sort((a, b) => order(a.cells[column], b.cells[column], sign)));
  }));
}

// Cells without a number stay behind those with one, whichever way the column is sorted.
function order(a, b, sign) {
  const numbers = [a, b].map(cell => "value" in cell.dataset);
  if (numbers[0] && numbers[1]) return sign * (Number(a.dataset.value) - Number(b.dataset.value));
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return sign * a.textContent.localeCompare(b.textContent, "en", {numeric: true});
}
