"use strict";
// What HTML alone cannot do: look again when something happened, times in the viewer's zone,
// questions in a dialog. Without this script each page still works: links and forms do the same.

const page = () => document.getElementById("page");
const LEAST_MS = 250; // between two looks
const SHARE = 4; // a look that took a second is followed by four without one
const AFTER_LOSS_MS = 2000;
const SELECTION_MS = 30_000;

// --- Live ---------------------------------------------------------------------------------------
// Browsers open six connections to a server, for all tabs together, and a stream takes one. So a
// hidden tab holds none, and of those that are seen four hold one; the others look now and then.

const STREAMS = 4;
const WITHOUT_STREAM_MS = 2000;
let source = null;
let giveUp = null; // gives the place among the streams to another tab
let streamOf = "";
let turn = 0;
let lookedAt = 0;
let tookMs = 0;
let planned = 0;
let selectedAt = 0;

function say(state) {
  const shown = document.getElementById("live");
  if (!shown) return;
  shown.dataset.state = state;
  if (shown.textContent !== state) shown.textContent = state;
}

function lookAgain() {
  if (planned || document.hidden || !page()) return;
  const wait = Math.max(LEAST_MS, SHARE * tookMs) - (performance.now() - lookedAt);
  planned = setTimeout(() => {
    planned = 0;
    const busy = isBusy();
    if (busy) say(busy);
    else if (source?.readyState === EventSource.OPEN) say("live");
    if (busy) setTimeout(lookAgain, LEAST_MS);
    else htmx.trigger(page(), "changed");
  }, Math.max(0, wait));
}

// What somebody is filling in or has selected must not change under their hands: why it waits.
function isBusy() {
  if (document.getElementById("dialog")?.open) return "waits for the dialog";
  const selected = document.getSelection();
  const isSelected = selected && !selected.isCollapsed && page().contains(selected.anchorNode);
  if (isSelected && performance.now() - selectedAt < SELECTION_MS) return "waits for your selection";
  const fields = [...page().querySelectorAll("form :is(input, textarea, select)")];
  const isFilling = page().querySelector("[role=alert] ~ .stacked") || fields.some(isFilled) ||
    fields.some((it) => it === document.activeElement && it.closest(".stacked"));
  return isFilling ? "waits for your form" : "";
}

function isFilled(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((it) => it.selected && !it.defaultSelected && it.value);
  return field.value !== field.defaultValue;
}

async function listen() {
  const own = ++turn;
  endStream();
  const stream = streamOf = page()?.dataset.stream;
  if (document.hidden || !page()) return;
  const free = stream ? await takePlace() : null;
  if (own !== turn) return free?.(); // another call has gone on from here
  if (!free) return say("looks now and then");
  giveUp = free;
  source = new EventSource(stream);
  // Something may have happened between the page and the stream, or while the server was away.
  source.addEventListener("open", () => { say("live"); lookAgain(); });
  source.addEventListener("changed", lookAgain);
  source.addEventListener("error", () => {
    say("reconnecting");
    if (source?.readyState === EventSource.CLOSED) setTimeout(listen, AFTER_LOSS_MS);
  });
}

function endStream() {
  source?.close();
  giveUp?.();
  source = giveUp = null;
}

// Takes one of the places for streams that the browser has for all tabs: what frees it again, or
// null where none is left. Browsers have such locks for https and on loopback.
async function takePlace() {
  if (!navigator.locks) return () => {};
  for (let number = 0; number < STREAMS; number++) {
    const free = await new Promise((told) => {
      navigator.locks.request(`graph-orch-stream-${number}`, { ifAvailable: true }, (place) => {
        if (!place) return told(null);
        return new Promise((end) => told(end));
      });
    });
    if (free) return free;
  }
  return null;
}

// --- Times --------------------------------------------------------------------------------------

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function tellTimes(within) {
  for (const shown of within.querySelectorAll("time[datetime]")) {
    const at = new Date(shown.dateTime);
    const text = shown.dataset.form === "ago" ? since(at) : moment(at);
    if (shown.textContent !== text) shown.textContent = text;
    if (!shown.title) shown.title = exact.format(at);
  }
}

function moment(at) {
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock.format(at) : `${calendar.format(at)}, ${clock.format(at)}`;
}

function since(at) {
  const seconds = (at - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS[3];
  return relative.format(Math.round(seconds / length), unit);
}

// --- Dialogs ------------------------------------------------------------------------------------

async function ask(link) {
  const answer = await fetch(link.href, { headers: { accept: "text/html" } });
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".call");
  if (!found) { location.href = link.href; return; }
  const asked = document.getElementById("asked");
  asked.replaceChildren(document.adoptNode(found));
  htmx.process(asked);
  const dialog = document.getElementById("dialog");
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog], a[data-close]");
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !isPlain) return;
  const dialog = document.getElementById("dialog");
  if (link.dataset.close !== undefined) {
    if (!dialog?.open) return;
    event.preventDefault();
    dialog.close();
  } else {
    event.preventDefault();
    ask(link).catch(() => { location.href = link.href; });
  }
});

// --- The page begins, changes, ends -------------------------------------------------------------

const isLook = (event) => event.detail.requestConfig?.triggeringEvent?.type === "changed";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (isLook(event)) lookedAt = performance.now();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (isLook(event)) tookMs = performance.now() - lookedAt;
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, xhr } = event.detail;
  const wanted = requestConfig.elt.closest("[hx-select]")?.getAttribute("hx-select");
  const isOurs = wanted && xhr.responseText.includes(wanted === "#page" ? 'id="page"' : 'class="call"');
  if (!isOurs) { // said by the guard or by a proxy: nothing of it can be shown here
    event.detail.shouldSwap = false;
    if (xhr.status === 401 || xhr.responseURL.includes("/login")) location.reload();
    else say(requestConfig.verb === "get" ? "reconnecting" : `not done: ${xhr.status} ${xhr.responseText.slice(0, 200)}`);
  } else if (requestConfig.elt.matches("form.filters")) {
    // Somebody types on: the answer to what the form says now is still to come.
    const asked = new URLSearchParams(event.detail.pathInfo.finalRequestPath.split("?")[1] ?? "");
    const says = new URLSearchParams(new FormData(requestConfig.elt));
    if (asked.toString() !== says.toString()) event.detail.shouldSwap = false;
  } else if (isLook(event)) {
    // Meanwhile somebody may have begun to fill in a form, or the page may show something else.
    if (isBusy() || requestConfig.path !== page().getAttribute("hx-get")) event.detail.shouldSwap = false;
  }
});
// In the same turn as the change itself, so that nothing is painted between.
document.addEventListener("htmx:afterSwap", () => {
  if (!page()) return;
  tellTimes(page());
  if (page().dataset.stream !== streamOf) listen(); // other filters, other events
});
document.addEventListener("htmx:sendError", () => say("reconnecting"));
document.addEventListener("visibilitychange", () => { listen(); lookAgain(); });
document.addEventListener("selectionchange", () => { selectedAt = performance.now(); });
let address = location.pathname + location.search;
document.addEventListener("htmx:pushedIntoHistory", (event) => { address = event.detail.path; });
window.addEventListener("popstate", () => { // not where a link leads to a part of the page
  if (location.pathname + location.search !== address) location.reload();
});

document.addEventListener("DOMContentLoaded", () => {
  tellTimes(document);
  if (!page()) return;
  document.getElementById("dialog").addEventListener("close", () => {
    document.getElementById("asked").replaceChildren();
    lookAgain();
  });
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const next = { light: "dark", dark: "" }[root.dataset.theme ?? ""] ?? "light";
    if (next) root.dataset.theme = next; else delete root.dataset.theme;
    try { localStorage.setItem("theme", next); } catch { /* for this page only */ }
  });
  listen();
  if (Number(page().dataset.again)) setInterval(lookAgain, Number(page().dataset.again));
  setInterval(() => { if (!source && page().dataset.stream) { listen(); lookAgain(); } }, WITHOUT_STREAM_MS);
  setInterval(() => tellTimes(document), 10_000);
});
