// Loads the page again when what it waits for is done.
const wait = document.getElementById("wait");
const again = setInterval(async () => {
  const answer = await fetch(wait.dataset.address, { headers: { "X-Requested-With": "fetch" } });
  if (answer.ok && (await answer.json()).done) { clearInterval(again); location.reload(); }
}, 1000);
