"use strict";
(() => {
  const stage = document.getElementById("stage");
  const svg = stage.querySelector("svg");
  const panel = document.getElementById("panel");
  const details = JSON.parse(document.getElementById("details").textContent);
  const size = { width: Number(svg.getAttribute("width")), height: Number(svg.getAttribute("height")) };
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  svg.setAttribute("preserveAspectRatio", "xMinYMin meet");
  let view = { x: 0, y: 0, scale: 1 };

  function show() {
    const wide = stage.clientWidth / view.scale;
    const high = stage.clientHeight / view.scale;
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${wide} ${high}`);
  }

  let fitted = true; // until a person moves or zooms

  function fit() {
    fitted = true;
    const scale = Math.min(stage.clientWidth / size.width, stage.clientHeight / size.height, 1.6);
    view = { scale, x: (size.width - stage.clientWidth / scale) / 2, y: (size.height - stage.clientHeight / scale) / 2 };
    show();
  }

  // On a small screen a whole graph would be too small to read.
  function start() {
    fit();
    if (view.scale < 0.5) view = { scale: 0.6, x: 0, y: 0 };
    show();
  }

  function whole() {
    fitted = false;
    view = { scale: 1, x: Math.min(0, (size.width - stage.clientWidth) / 2), y: Math.min(0, (size.height - stage.clientHeight) / 2) };
    show();
  }

  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    fitted = false;
    const scale = Math.min(20, Math.max(0.02, view.scale * factor));
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    show();
  }

  const doing = { in: () => zoom(1.3), out: () => zoom(1 / 1.3), fit, whole };
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => doing[button.dataset.do]());
  }

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  const fingers = new Map();
  let moved = 0;
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 1) moved = 0;
  });
  window.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    fitted = false;
    if (fingers.size === 1) {
      view.x -= (now.x - before.x) / view.scale;
      view.y -= (now.y - before.y) / view.scale;
      moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      stage.classList.add("moving");
      show();
    } else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const box = stage.getBoundingClientRect();
      const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
      zoom(apart(now, other) / apart(before, other), (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
      moved = 100;
    }
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) stage.classList.remove("moving");
    });
  }

  function choose(node) {
    for (const lit of svg.querySelectorAll(".chosen, .lit")) lit.classList.remove("chosen", "lit");
    panel.hidden = !node;
    if (!node) return;
    node.classList.add("chosen");
    const name = node.dataset.node;
    for (const route of svg.querySelectorAll(".route")) {
      if (route.dataset.of === name) route.classList.add("lit");
    }
    const told = details[name] || { title: name, doc: node.querySelector("title").textContent, rows: [] };
    panel.querySelector("h2").textContent = told.title;
    panel.querySelector("p").textContent = told.doc;
    const body = panel.querySelector("tbody");
    body.replaceChildren();
    for (const [what, text] of told.rows) {
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = what;
      row.append(head);
      row.insertCell().textContent = text;
    }
  }

  for (const node of svg.querySelectorAll("[data-node]")) {
    node.addEventListener("click", () => { if (moved < 6) choose(node); });
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(node);
    });
  }
  document.getElementById("close").addEventListener("click", () => choose(null));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60 / view.scale;
    if (event.key === "Escape") choose(null);
    else if (event.key === "+") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit();
    else if (document.activeElement === stage && event.key.startsWith("Arrow")) {
      event.preventDefault();
      fitted = false;
      view.x += { ArrowLeft: -step, ArrowRight: step }[event.key] || 0;
      view.y += { ArrowUp: -step, ArrowDown: step }[event.key] || 0;
      show();
    }
  });
  new ResizeObserver(() => (fitted ? start() : show())).observe(stage);
  start();
})();
