"""How a page looks: light and dark, on a telephone and on a desk, and on paper."""

CSS = """\
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f5f7f9; --ink: #1b2127; --soft: #55606b; --line: #d3dae1;
  --edge: #1b212766;
  --c1: #00619e; --c2: #c03f00; --c3: #00734f; --c4: #a33a78; --c5: #7d5a00; --c6: #5550c8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #13171c; --panel: #1b2127; --ink: #e7ecf1; --soft: #a3afbb; --line: #36404a;
    --edge: #a3afbb80;
    --c1: #5ab4f0; --c2: #ff9659; --c3: #43cf9f; --c4: #f09acb; --c5: #e3bd4a; --c6: #aaa6ff;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--page); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: break-word;
}
header, nav, main { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.6rem; }
h1 { font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; margin: 0 0 .6rem; }
h3 { font-size: 1.08rem; margin: 1.4rem 0 .5rem; }
header p { margin: .2rem 0; color: var(--soft); max-width: 46rem; }
nav ul {
  display: flex; flex-wrap: wrap; gap: .3rem .5rem; list-style: none; padding: 0; margin: 1rem 0;
}
nav a {
  display: inline-block; padding: .2rem .6rem; border: 1px solid var(--line);
  border-radius: 1rem; font-size: .9rem; text-decoration: none;
}
a { color: var(--c1); }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--c1); outline-offset: 2px; }
section { padding: 1.4rem 0; border-top: 1px solid var(--line); scroll-margin-top: .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
.note { color: var(--soft); border-left: 3px solid var(--line); padding-left: .8rem; }
.facts { display: grid; gap: .6rem; margin: 0;
  grid-template-columns: repeat(auto-fill, minmax(min(47%, 10.5rem), 1fr)); }
.facts div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem;
  padding: .55rem .8rem; }
.facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures { display: grid; gap: 1rem 2rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
figure { margin: .8rem 0; min-width: 0; }
figure > svg { display: block; width: 100%; max-width: 36rem; height: auto; }
figure > .scroll > svg { display: block; max-width: max(100%, 62rem); height: auto; }
figure > svg text { font-family: inherit; }
figcaption { color: var(--soft); font-size: .92rem; margin: .3rem 0 .5rem; max-width: 40rem; }
/* Covers move with what scrolls, shadows stay: an edge is dark while there is more behind it. */
.scroll { overflow-x: auto; max-width: 100%;
  background:
    linear-gradient(90deg, var(--page) 35%, transparent) left / 3rem 100% no-repeat local,
    linear-gradient(270deg, var(--page) 35%, transparent) right / 3rem 100% no-repeat local,
    linear-gradient(90deg, var(--edge), transparent) left / 1.1rem 100% no-repeat scroll,
    linear-gradient(270deg, var(--edge), transparent) right / 1.1rem 100% no-repeat scroll; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums;
  margin: .4rem 0; }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .3rem; }
th, td { padding: .22rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); }
th { font-weight: 600; }
.n { text-align: right; white-space: nowrap; }
details { margin: .5rem 0; }
details > .scroll { max-height: 26rem; overflow: auto; }
summary { cursor: pointer; color: var(--c1); padding: .2rem 0; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem;
  overflow: auto; max-height: 32rem; font-size: .82rem; line-height: 1.45; margin: .5rem 0; }
code { font-family: ui-monospace, "Cascadia Code", Menlo, Consolas, monospace; }
.cards { display: grid; gap: .8rem; padding: 0; margin: .8rem 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); }
.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.cards li { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem; font-size: .9rem; min-width: 0; }
.cards p { margin: .25rem 0; }
.cards .shown { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; }
.cards .shown > div { min-width: 0; }
.cards small { color: var(--soft); display: block; font-size: .8rem; }
.pixels { image-rendering: pixelated; width: 7rem; height: auto; display: block;
  border: 1px solid var(--line); background: #fff; }
.tiles { display: flex; flex-wrap: wrap; gap: .45rem; }
.tiles img { width: 3.6rem; }
img.map { width: 100%; max-width: 36rem; min-width: 8rem; }
.scale { display: flex; align-items: center; gap: .5rem; font-size: .85rem; color: var(--soft);
  flex-wrap: wrap; margin: .4rem 0; }
.scale i { width: 9rem; height: .8rem; border: 1px solid var(--line); }
.bad { color: var(--c2); font-weight: 600; }
.good { color: var(--c3); font-weight: 600; }
@media print { nav { display: none; } section { break-inside: avoid-page; } }
"""
