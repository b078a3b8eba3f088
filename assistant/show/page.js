/* What the page does by itself: opens cards, keeps the address, saves files, draws the map's tooltip. Text that came
   from a paper is only ever set as text, never as HTML. */
"use strict";

window.whichpapers = (() => {
  const DARK = "whichpapers-dark", SHOWN = "whichpapers-shown";

  function paint(dark) {
    document.body.classList.toggle("dark", dark);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }

  function start() {
    const stored = localStorage.getItem(DARK);
    paint(stored === null ? matchMedia("(prefers-color-scheme: dark)").matches : stored === "1");
    document.documentElement.lang = "en";
    history.scrollRestoration = "manual";
    document.body.dataset.shown = localStorage.getItem(SHOWN) || "";
  }

  /* Shows an element inside its pane, tells it apart for a moment, and moves the keyboard there. */
  function reveal(target) {
    if (!target) return;
    if (!target.checkVisibility()) target.closest(".pair")?.classList.add("whole");
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    const own = target.querySelector(":scope > details");
    if (own) own.open = true;
    const pane = target.closest(".proof");
    if (pane && pane.scrollHeight > pane.clientHeight + 4 && getComputedStyle(pane).overflowY === "auto") {
      const mark = target.querySelector("mark");
      const at = target.getBoundingClientRect(), frame = pane.getBoundingClientRect();
      pane.scrollBy({ top: at.top - frame.top - 12, behavior: "auto" });
      if (mark && mark.getBoundingClientRect().bottom > frame.bottom)
        pane.scrollBy({ top: mark.getBoundingClientRect().bottom - frame.bottom + 24 });
      if (frame.top < 0 || frame.top > innerHeight * 0.7) pane.scrollIntoView({ block: "start" });
    } else target.scrollIntoView({ block: "center" });
    target.classList.remove("flash");
    void target.offsetWidth;
    target.classList.add("flash");
    target.focus({ preventScroll: true });
  }

  /* Shows an element at the top, and keeps it there while the page is still being laid out, unless its reader moves. */
  function hold(target) {
    const show = () => target.isConnected && target.scrollIntoView({ block: "start" });
    const held = new ResizeObserver(show), moved = new AbortController();
    held.observe(document.body);
    moved.signal.addEventListener("abort", () => held.disconnect());
    for (const move of ["wheel", "pointerdown", "keydown"])
      addEventListener(move, () => moved.abort(), { signal: moved.signal, capture: true, passive: true });
    setTimeout(() => moved.abort(), 1500);
    show();
  }

  function say(text) {
    const place = document.getElementById("said");
    if (!place) return;
    place.textContent = text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => (place.textContent = ""), 4000);
  }

  const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

  /* Saves a file that holds this text, or these bytes. */
  function save(name, content) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("Saved " + name);
  }

  /* On a narrow screen the list of conversations lies over the page: it is opened by hand, and closes by itself. */
  function closeSide() {
    if (innerWidth < 800) document.querySelector("#side.open .toggle-button")?.click();
  }

  const turnOf = (element) => Number(element.closest("[data-turn]").dataset.turn);

  async function rate(button, server) {
    const pressed = button.getAttribute("aria-pressed") === "true";
    const value = pressed ? "none" : button.dataset.rate;
    if (!(await server.rate({ turn: turnOf(button), paper: button.dataset.paper, value }))) return;
    for (const other of button.parentElement.querySelectorAll("button"))
      other.setAttribute("aria-pressed", String(other === button && !pressed));
    say(pressed ? "Judgement taken back" : "Judgement kept");
  }

  async function keep(button, server) {
    const saved = button.getAttribute("aria-pressed") !== "true";
    await server.keep({ turn: turnOf(button), saved });
    button.setAttribute("aria-pressed", String(saved));
    say(saved ? "Question kept" : "Question no longer kept");
  }

  async function copy(button) {
    const text = button.closest(".answer").querySelector(".prose").innerText;
    await navigator.clipboard.writeText(text);
    say("Answer copied");
  }

  async function take(button, server) {
    const file = await server.file({ turn: turnOf(button), form: button.dataset.export });
    button.closest("details").open = false;
    if (file) save(file[0], bytesOf(file[1]));
    else say("This is not kept for this answer; ask again to have it");
  }

  function focusQuestion() {
    document.querySelector("#question textarea")?.focus({ preventScroll: true });
  }

  function address(element) {
    const shown = element.querySelector("[data-conversation]");
    if (shown) history.replaceState(null, "", shown.dataset.conversation ? "?c=" + shown.dataset.conversation : "?");
  }

  /* A question that is asked anew takes what followed it along. */
  function mayReplace(button) {
    const later = !("last" in button.closest(".turn").dataset);
    return !later || confirm("Once this question is asked anew, those after it are removed for good. Go on?");
  }

  /* The conversation: everything in it that can be pressed. */
  function thread(element, trigger, server, watch) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button || !element.contains(button)) return;
      if (button.dataset.rate) rate(button, server);
      else if (button.dataset.export) take(button, server);
      else if ("save" in button.dataset) keep(button, server);
      else if ("copy" in button.dataset) copy(button);
      else if ("all" in button.dataset) button.closest(".pair").classList.add("whole");
      else if (button.dataset.ask) {
        trigger("example_select", { question: button.dataset.ask });
        focusQuestion();
      } else if (button.dataset.do && mayReplace(button)) trigger(button.dataset.do, { turn: turnOf(button) });
    });
    watch("value", () => {
      address(element);
      if (innerWidth < 800) document.activeElement?.blur();
      const last = element.querySelector(".turn[data-last]");
      if (last) hold(last);
      else scrollTo(0, 0);
    });
  }

  /* The answer that is being made; once it has begun, its question leaves the box, and the next can be written. */
  function now(element, trigger, server, watch) {
    let begun = false;
    element.addEventListener("click", (event) => event.target.closest("[data-leave]") && trigger("delete"));
    watch("value", () => {
      const editing = element.querySelector(".editing");
      if (editing) {
        editing.scrollIntoView({ block: "center" });
        focusQuestion();
      }
      const asked = element.querySelector(".live h2")?.textContent.trim();
      const box = document.querySelector("#question textarea");
      if (asked && !begun && box.value.trim() === asked) trigger("apply");
      if (asked && !begun) hold(element.querySelector(".live"));
      begun = Boolean(asked);
    });
  }

  function conversations(element, trigger) {
    setTimeout(closeSide);
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.open) {
        trigger("select", { conversation: Number(button.dataset.open) });
        closeSide();
      } else if (button.dataset.remove && confirm("Remove this conversation for good?"))
        trigger("delete", { conversation: Number(button.dataset.remove) });
    });
  }

  /* The list of papers. */
  function papers(element, trigger) {
    element.addEventListener("click", (event) => {
      const id = event.target.closest("button")?.dataset.removes;
      if (id && confirm("Remove this paper from the library for good?")) trigger("delete", { paper: id });
    });
  }

  function controls(element) {
    element.querySelector("#shown").value = document.body.dataset.shown;
    if (innerWidth >= 800) setTimeout(focusQuestion);
  }

  function ratings(element, trigger, server) {
    element.querySelector("#ratings").addEventListener("click", async () => {
      const [name, content] = await server.ratings({});
      save(name, bytesOf(content));
    });
  }

  function table(element) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-file]");
      if (button) save(button.dataset.file, button.dataset.text);
    });
  }

  function pointOf(event) {
    return event.target.closest("[data-paper]");
  }

  /* The map: a title beside the pointer or the keyboard's place, the abstract on a click, the wheel to come nearer. */
  function map(element, trigger) {
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    tip.setAttribute("role", "tooltip");
    (document.querySelector(".gradio-container") || document.body).append(tip);
    const show = (point) => {
      const at = point.getBoundingClientRect();
      tip.textContent = point.dataset.title;
      tip.hidden = false;
      tip.style.left = Math.max(8, Math.min(at.left, innerWidth - tip.offsetWidth - 8)) + "px";
      tip.style.top = (at.top > tip.offsetHeight + 16 ? at.top - tip.offsetHeight - 8 : at.bottom + 8) + "px";
    };
    const over = (event) => (pointOf(event) ? show(pointOf(event)) : (tip.hidden = true));
    const choose = (point) => trigger("select", { paper: point.dataset.paper });
    element.addEventListener("pointerover", over);
    element.addEventListener("focusin", over);
    element.addEventListener("pointerleave", () => (tip.hidden = true));
    element.addEventListener("focusout", () => (tip.hidden = true));
    element.addEventListener("click", (event) => pointOf(event) && choose(pointOf(event)));
    element.addEventListener("keydown", (event) => {
      if (pointOf(event) && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        choose(pointOf(event));
      }
    });
    element.addEventListener("wheel", (event) => {
      const svg = event.target.closest("svg.map");
      if (!svg || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      zoom(svg, event.deltaY > 0 ? 1.25 : 0.8, event);
    }, { passive: false });
    element.addEventListener("dblclick", (event) => {
      const svg = event.target.closest("svg.map");
      if (svg) zoom(svg, event.shiftKey ? 2 : 0.5, event);
    });
  }

  /* The paper of a point, which is below the map. */
  function point(element, trigger, server, watch) {
    watch("value", () => element.scrollIntoView({ block: "nearest" }));
  }

  function zoom(svg, factor, event) {
    const whole = (svg.dataset.whole ||= svg.getAttribute("viewBox")).split(" ").map(Number);
    const box = svg.viewBox.baseVal, frame = svg.getBoundingClientRect();
    const across = (event.clientX - frame.left) / frame.width, down = (event.clientY - frame.top) / frame.height;
    const width = Math.min(whole[2], Math.max(whole[2] / 12, box.width * factor));
    const height = (width * whole[3]) / whole[2];
    const x = Math.min(Math.max(0, box.x + (box.width - width) * across), whole[2] - width);
    const y = Math.min(Math.max(0, box.y + (box.height - height) * down), whole[3] - height);
    svg.setAttribute("viewBox", [x, y, width, height].join(" "));
    svg.style.setProperty("--scale", width / whole[2]);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-opens], a[data-finds]");
    if (link) {
      event.preventDefault();
      reveal(document.getElementById(link.dataset.opens || link.dataset.finds));
    }
    if (event.target.closest("#new, [data-open]")) document.getElementById("asks-button")?.click();
    if (event.target.closest("#narrow")) {
      const open = document.querySelector("#composer").classList.toggle("narrowing");
      document.querySelector("#narrow").setAttribute("aria-expanded", String(open));
      document.querySelector("#source input")?.setAttribute("list", "sources");
      if (open) document.querySelector("#since input")?.focus();
    }
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(event.target)) menu.open = false;
    if (event.target.closest("#dark")) {
      const dark = !document.body.classList.contains("dark");
      localStorage.setItem(DARK, dark ? "1" : "0");
      paint(dark);
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "shown") return;
    document.body.dataset.shown = event.target.value;
    localStorage.setItem(SHOWN, event.target.value);
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      document.querySelector("#question textarea")?.focus();
    }
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (event.key === "Escape") document.querySelector("#stop:not([disabled])")?.click();
  });

  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
  return { thread, now, conversations, controls, papers, ratings, table, map, point };
})();
