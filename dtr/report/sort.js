// Click on a heading sorts a table; without this script every table is there, in its given order.
document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("th").forEach((th) => th.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const number = (text) => (text === "" || isNaN(text) ? null : Number(text));
      const compare = (a, b) => {
        const x = number(value(a)), y = number(value(b));
        if (x === null && y === null) return (down ? 1 : -1) * value(a).localeCompare(value(b));
        if (x === null || y === null) return (x === null) - (y === null);
        return down ? y - x : x - y;
      };
      [...body.rows].sort(compare).forEach((row) => body.append(row));
    });
  });
});
