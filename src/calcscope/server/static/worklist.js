// Shows how far exams are that are being analysed, and loads the page again when one is done.
const table = document.getElementById("exams");
async function look() {
  const answer = await fetch(table.dataset.progress, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok) return;
  const { waiting } = await answer.json();
  let done = false;
  for (const row of table.querySelectorAll("tr[data-exam]")) {
    const told = waiting[row.dataset.exam];
    const cell = row.querySelector(".state");
    if (told !== undefined) { cell.textContent = told; cell.dataset.busy = "1"; }
    else if (cell.dataset.busy) done = true;
  }
  if (done && !document.querySelector("form[role=search] :focus")) location.reload();
}
look();
setInterval(look, 3000);
