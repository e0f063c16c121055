// Shows how far exams are that are being analysed, and loads the page again when one is done.
const table = document.getElementById("exams");
let done = false;
async function look() {
  const answer = await fetch(table.dataset.progress, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
  if (!answer?.ok) return;
  const { waiting } = await answer.json();
  for (const row of table.querySelectorAll("tr[data-busy]")) {
    const told = waiting[row.dataset.exam];
    if (told === undefined) done = true;
    else row.querySelector(".state").textContent = told;
  }
  // Nobody is torn out of what she is typing.
  if (done && !document.querySelector("form[role=search] :focus")) location.reload();
}
look();
setInterval(look, 3000);
