// Files and folders, chosen or dropped, are sent in one request whose progress is shown.
const form = document.getElementById("bring"), drop = document.getElementById("drop");
const told = document.getElementById("told");

async function inside(entry) {
  if (entry.isFile) return [await new Promise((good, bad) => entry.file(good, bad))];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((good, bad) => reader.readEntries(good, bad));
    if (!some.length) return found;
    for (const each of some) found.push(...(await inside(each)));
  }
}

function send(files) {
  if (!files.length) return;
  const data = new FormData();
  data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  data.append("site", form.elements.site.value);
  for (const file of files) data.append("files", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", form.action || location.href);
  request.setRequestHeader("X-Requested-With", "fetch");
  request.upload.onprogress = (event) => { told.textContent = `${Math.round((100 * event.loaded) / event.total)} %`; };
  request.onload = () => {
    if (request.status === 200) location.href = JSON.parse(request.responseText).upload;
    else told.textContent = request.status === 401 ? form.dataset.again ?? "401" : `${request.status}`;
  };
  request.onerror = () => { told.textContent = "…"; };
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
