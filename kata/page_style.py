"""How a page of pictures looks. Colours are named once for light, once for dark; what is marked is framed, too."""

STYLE = """
:root {
  --paper: #fdfdfb; --ink: #1d2228; --quiet: #5b646e; --line: #d4d7d2; --warn: #b3261e; --good: #1d6b38;
  --heat: 20 84 150; --cold: 140 60 0; --on-heat: #ffffff; --on-cool: #000000; --on-middle: #000000;
  --shade0: #e3edf8; --shade1: #f6ead6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15191e; --ink: #e6e9ec; --quiet: #a2abb5; --line: #3a424b; --warn: #ff8a80; --good: #7fd69a;
    --heat: 118 182 240; --cold: 240 172 96; --on-heat: #000000; --on-cool: #ffffff; --on-middle: #000000;
    --shade0: #22354a; --shade1: #41331c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem; max-width: 1180px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
code, pre, .tokens, table { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h1 code { color: var(--quiet); font-size: 1rem; font-weight: normal; }
h2 { font-size: 1.15rem; margin: 0; }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; padding-top: 1rem; }
section > p, header > p { margin: .25rem 0; max-width: 75ch; }
header > p { color: var(--quiet); }
.says, .differs { color: var(--warn); font-weight: 600; white-space: pre-wrap; }
.same { color: var(--good); }
.says { border-left: 4px solid var(--warn); flex: 1 1 100%; margin: 0; padding: .25rem .75rem; max-width: 90ch; }
.sides { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; margin-top: .75rem; }
figure { margin: 0; min-width: 0; max-width: 100%; }
figcaption { color: var(--quiet); font-size: .85rem; margin-bottom: .25rem; }
.scroll { overflow-x: auto; max-width: 100%; padding: 3px; }
.tokens { margin: 0; font-size: 15px; line-height: 1.2; }
.between { white-space: pre-wrap; }
.token { background: var(--shade0); border-radius: 3px; }
.token.shade1 { background: var(--shade1); }
span.token { display: inline-block; margin: 0 1px 6px; padding: 3px 4px 2px; }
span.token { text-align: center; white-space: pre-wrap; }
span.token b { display: block; font-weight: normal; }
span.token i { display: block; font-size: 10px; font-style: normal; color: var(--quiet); }
.mark { outline: 2px dashed var(--warn); outline-offset: -2px; }
.legend { padding: 0 .35em; white-space: nowrap; }
table { border-collapse: separate; border-spacing: 1px; font-size: 11px; line-height: 1.2; }
th { font-weight: normal; color: var(--ink); white-space: pre; text-align: right; padding: 0 5px 0 0; }
.heat tr:first-child th { vertical-align: bottom; text-align: center; padding: 0 0 4px; }
.heat tr:first-child span { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
.heat td { height: 25px; min-width: 27px; width: 27px; padding: 0; text-align: center; font-size: 10px; }
.heat td[style] { background: rgb(var(--heat) / var(--share)); box-shadow: inset 0 0 0 1px var(--line); }
.heat td.below { background: rgb(var(--cold) / var(--share)); }
.heat td { color: var(--on-cool); }
.heat td.middle { color: var(--on-middle); }
.heat td.strong { color: var(--on-heat); }
.heat td.mark { outline: 1.5px solid var(--warn); outline-offset: -1.5px; }
.windows td, .windows tr.stream th + th { padding: 3px 5px; text-align: center; white-space: pre; font-size: 12px; }
.windows tr.stream th + th { border-bottom: 2px solid var(--line); }
pre { border: 1px solid var(--line); padding: .75rem; white-space: pre-wrap; }
"""
