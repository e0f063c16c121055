// Files and folders, chosen or dropped, are sent in one request whose progress is shown.
const form = document.getElementById("bring"), drop = document.getElementById("drop");
const told = document.getElementById("told"), fault = document.getElementById("fault");
const button = form.querySelector("button"), words = form.dataset;
for (const each of document.querySelectorAll(".needs-script")) each.hidden = false;

async function inside(entry) {
  if (entry.isFile) return [await new Promise((good, bad) => entry.file(good, bad))];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((good, bad) => reader.readEntries(good, bad));
    if (!some.length) return found;
    for (const each of some) found.push(...(await inside(each)));
  }
}

function stop(why) {
  button.disabled = false;
  told.textContent = "";
  fault.textContent = why;
}

function send(files) {
  if (button.disabled) return;
  if (!files.length) return stop(words.none);
  if (files.reduce((sum, file) => sum + file.size, 0) > Number(words.room)) return stop(words.full);
  button.disabled = true;
  fault.textContent = "";
  const data = new FormData();
  for (const name of ["csrfmiddlewaretoken", "site", "mode"]) data.append(name, form.elements[name].value);
  for (const file of files) data.append("files", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", location.href);
  request.setRequestHeader("X-Requested-With", "fetch");
  request.upload.onprogress = ({ loaded, total }) => {
    told.textContent = words.sending.replace("{n}", String(Math.floor((100 * loaded) / total)));
  };
  request.upload.onload = () => { told.textContent = words.sent; };
  request.onload = () => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* a page, not ours: said by its status */ }
    if (request.status === 200) location.href = answer.upload;
    else stop(request.status === 401 || request.status === 403 ? words.signedOut : answer.why ?? words.broken);
  };
  request.onerror = () => stop(words.broken);
  request.send(data);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send([...form.elements.files.files, ...document.getElementById("folder").files]);
});
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const files = [];
  for (const entry of entries) files.push(...(await inside(entry)));
  send(files);
});
