// Recount's console: fetches a page again and shows what has changed, and moves through an aggregate's versions with the
// slider. Every page works without it: the slider has a button, and a page can be loaded again.
"use strict";

// take shows the parts of another page that are live, and says in a word what they show, once it differs.
function take(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (!fresh || old.innerHTML === fresh.innerHTML) continue;
    const held = old.contains(document.activeElement) ? placeOf(document.activeElement, old) : null;
    old.replaceChildren(...document.importNode(fresh, true).childNodes);
    if (held) held();
  }
  const say = page.querySelector("[data-say]");
  if (say) announce(say.textContent);
}

let told = document.querySelector("[data-say]")?.textContent;

function announce(text) {
  if (text === told) return;
  told = text;
  document.getElementById("said").textContent = text;
}

// placeOf remembers where in a part the focus is, so that a keyboard does not lose its place when the part is replaced.
function placeOf(element, part) {
  const all = (root) => [...root.querySelectorAll("a[href], button, input, select, [tabindex]")];
  const at = all(part).indexOf(element);
  return () => { const now = all(part); now[Math.min(at, now.length - 1)]?.focus({ preventScroll: true }); };
}

async function load(url, signal) {
  const answer = await fetch(url, { signal, headers: { Accept: "text/html" } });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function refresh(seconds) {
  const button = document.getElementById("pause");
  let paused = false;
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on with live refresh" : "Pause live refresh";
  });
  const again = async () => {
    if (!paused && !document.hidden) {
      try {
        const page = await load(location.href);
        if (page.title !== document.title) return location.reload(); // another page stands here by now
        take(page);
      } catch {
        announce("Nothing answers here any more. It is tried again.");
      }
    }
    setTimeout(again, seconds * 1000);
  };
  setTimeout(again, seconds * 1000);
}

function slide(form) {
  const slider = form.querySelector("input[type=range]");
  const number = form.querySelector("output");
  let waiting, running;
  const show = async () => {
    running?.abort();
    running = new AbortController();
    const url = form.action + "?" + new URLSearchParams(new FormData(form));
    try {
      const page = await load(url, running.signal);
      take(page);
      describe();
      history.replaceState(null, "", url);
    } catch (fault) {
      if (fault.name !== "AbortError") announce("Version " + slider.value + " could not be loaded; the button tries again.");
    }
  };
  const describe = () => slider.setAttribute("aria-valuetext", document.querySelector("[data-version]")?.textContent ?? slider.value);
  slider.addEventListener("input", () => {
    number.textContent = slider.value;
    clearTimeout(waiting);
    waiting = setTimeout(show, 120); // while it is dragged, nothing is asked for
  });
  describe();
}

const seconds = Number(document.body.dataset.refresh);
if (seconds > 0) refresh(seconds);
for (const form of document.querySelectorAll("[data-slide]")) slide(form);
