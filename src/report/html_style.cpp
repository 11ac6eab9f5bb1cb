#include "report/html_parts.hpp"

namespace cofferdam::report {

std::string_view html_style() {
  return R"css(<style>
:root { color-scheme: light dark; --text: #1b2430; --soft: #566273; --page: #f5f7f9; --card: #ffffff; --line: #d5dce4;
  --error: #b3261e; --warning: #8a5300; --note: #2f5f98; --good: #1d6b3a; --bar: #3f78b5; --bar2: #8a5300; --track: #e6ebf0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e9ef; --soft: #a3afbd; --page: #12171d; --card: #1a2129; --line: #35404c;
  --error: #ff9a92; --warning: #f0b464; --note: #9cc4f2; --good: #86d6a2; --bar: #6ea6de; --bar2: #f0b464; --track: #2a343f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h1.mono { font-size: 1.35rem; }
h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .875em; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: 1rem 0 0; padding: 0; }
a { color: var(--note); }
:focus-visible { outline: 3px solid var(--note); outline-offset: 2px; border-radius: 3px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.cards li, section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.cards li { padding: .75rem 1rem; }
.cards strong { display: block; font-size: 1.35rem; line-height: 1.3; }
section { padding: 1.1rem 1.25rem; margin: 0 0 1.25rem; }
.finding { border-left: 4px solid var(--note); padding: .1rem 0 .1rem .9rem; margin: 0 0 1.1rem; overflow-wrap: anywhere; }
.finding.error { border-color: var(--error); } .finding.warning { border-color: var(--warning); }
.error .tag { color: var(--error); } .warning .tag { color: var(--warning); } .note .tag { color: var(--note); }
.tag { font-weight: 600; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--error); font-weight: 600; } .mid { color: var(--warning); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem; margin: .35rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--soft); padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; min-width: 4rem; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; min-width: 9rem; }
.tree ul { list-style: none; margin: 0; padding: 0 0 0 1.1rem; border-left: 1px solid var(--line); }
.tree > ul { padding: 0; border: 0; }
.tree summary { cursor: pointer; }
.tree li > span, .tree summary { padding: .08rem 0; overflow-wrap: anywhere; }
.tree li > span { padding-left: 1.05rem; display: block; }
.size { color: var(--soft); font-variant-numeric: tabular-nums; }
.class { border: 1px solid var(--line); border-radius: 4px; padding: 0 .35rem; font-size: .8rem; color: var(--soft); }
.class.source, .class.vcs { color: var(--error); border-color: currentColor; }
figure { margin: 0 0 1rem; } figcaption { margin-bottom: .2rem; }
svg { display: block; width: 100%; height: 4.5rem; background: var(--track); border-radius: 4px; }
svg .bar { fill: var(--bar); } svg .refused { fill: var(--error); }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .875rem; }
.meter { background: var(--track); border-radius: 4px; height: .6rem; min-width: 6rem; overflow: hidden; }
.meter svg { height: .6rem; border-radius: 0; }
footer { color: var(--soft); padding-bottom: 2rem; font-size: .875rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .35rem; } section { padding: .9rem; } }
@media print { body { background: none; } section, .cards li { break-inside: avoid; border-color: #999; } nav { display: none; } }
</style>
)css";
}

}  // namespace cofferdam::report
