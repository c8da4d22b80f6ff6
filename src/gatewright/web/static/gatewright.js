// Shortens the way; every page is complete without it.
"use strict";

// Copy buttons: hidden until there is a script that can copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-copy-word]");
  if (!source || !word || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      word.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      word.textContent = "Selected";
    }
    setTimeout(() => { word.textContent = "Copy"; }, 2000);
  });
}

// Times: in the reader's own zone, with the UTC that the server wrote in the title.
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const dayOf = (at) => {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (at.toDateString() === yesterday.toDateString()) return "yesterday";
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? day : `${day} ${at.getFullYear()}`;
};
const tellTimes = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    const here = at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
    if (time.title) {
      time.title = `${here} (${time.title})`;
      if (!/(ago|now)$/.test(time.textContent)) time.textContent = dayOf(at);
    } else {
      time.title = time.textContent;
      time.textContent = here;
    }
  }
};
tellTimes(document);

// Lists: htmx shows what a filter finds while somebody types. Any other answer is shown as the page it is:
// an error, or the sign-in of a session that ended meanwhile.
let isLeaving = false; // a request that a click elsewhere cut off must not lead back here
addEventListener("beforeunload", () => { isLeaving = true; });
addEventListener("pageshow", () => { isLeaving = false; });
document.addEventListener("htmx:after:request", (event) => {
  const { request, response, select, text } = event.detail.ctx;
  if (response.status === 200 && !response.raw.redirected && text.includes(`id="${select.slice(1)}"`)) return;
  event.preventDefault();
  if (!isLeaving) location.assign(request.action);
});
document.addEventListener("htmx:after:swap", (event) => {
  const { request, select } = event.detail.ctx;
  history.replaceState(null, "", request.action);
  tellTimes(document.querySelector(select));
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx && !isLeaving) location.assign(event.detail.ctx.request.action);
});

// Menus close by Escape and by a click elsewhere.
const menus = document.querySelectorAll("details.gw-place");
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (menu.open && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
});

// Levels: the save bar says what would change, from → to.
for (const form of document.querySelectorAll("[data-changes]")) {
  const said = form.querySelector("[data-changes-said]");
  const save = form.querySelector("[data-changes-save]");
  if (!said || !save) continue;
  const [rest, verb] = [said.textContent, save.textContent];
  const say = () => {
    const changes = [];
    for (const select of form.querySelectorAll("select")) {
      const before = [...select.options].find((option) => option.defaultSelected);
      const changed = before !== undefined && select.value !== before.value;
      select.closest(".gw-cell")?.classList.toggle("gw-cell-changed", changed);
      const name = select.labels[0]?.textContent.trim() ?? select.name;
      if (changed) changes.push(`${name}: ${before.text} → ${select.selectedOptions[0].text}`);
    }
    said.textContent = changes.length ? `${changes.join(". ")}.` : rest;
    said.classList.toggle("gw-strong", changes.length > 0);
    save.textContent = changes.length ? `Save ${changes.length} ${changes.length === 1 ? "change" : "changes"}` : verb;
    form.querySelector(".gw-save")?.classList.toggle("gw-save-waits", changes.length > 0);
  };
  form.addEventListener("change", say);
  say();
}
