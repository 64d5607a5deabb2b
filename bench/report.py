"""From medians to a verdict, a table, JSON and pictures; tools/bench.py measures."""

import json
import os
import platform
from pathlib import Path

FLOORS = ["floor", "epoll", "uring"]
NAMES = {
    "go": "Go", "uv": "libuv", "asio": "boost.asio", "tbb": "TBB", "openmp": "OpenMP",
    "python": "Python", "st": "State Threads",
    "epoll": "epoll (floor)", "uring": "io_uring (floor)",
}


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def name_of(who):
    return NAMES.get(who, who)


def machine(rounds, load_before, load_after):
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (f"{model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}; "
        f"median of {rounds} rounds; load average {load_before:.1f} before, {load_after:.1f} after")


# -- judging


def best_of(values, better):
    real = {w: v for w, v in values.items() if w not in FLOORS}
    if not real:
        return None
    return (min if better == "lower" else max)(real, key=real.get)


def check(rule, telar, peers, best, better):
    """True, False, or None: that peer was not measured."""
    if "value" in rule:
        limit = rule["value"]
    else:
        to = best if rule["to"] == "best" else rule["to"]
        if to not in peers:
            return None
        limit = rule["ratio"] * peers[to]
    return telar <= limit if better == "lower" else telar >= limit


def judge(found, goals_file):
    """found: [{claim, unit, group, values: {who: median}}].  A goal whose peer was not measured
    is judged by the checks that are left; if none is, nothing is known, and it is not met."""
    goals = {g["claim"]: g for g in json.loads(goals_file.read_text(encoding="utf-8"))}
    results = []
    for row in found:
        claim, unit, values = row["claim"], row["unit"], row["values"]
        goal = goals.get(claim, {})
        telar = values.get("telar")
        peers = {who: v for who, v in values.items() if who != "telar"}
        better = goal.get("better", "higher" if "/s" in unit else "lower")
        best = best_of(peers, better)
        result = {"claim": claim, "unit": unit, "telar": telar, "peers": peers, "best_peer": best,
            "ratio": telar / peers[best] if telar is not None and best and peers[best] else None,
            "goal": goal.get("goal"), "met": None, "group": row["group"], "better": better}
        if goal.get("goal"):
            rules = goal["checks"]
            seen = [check(r, telar, peers, best, better) for r in rules if telar is not None]
            known = [s for s in seen if s is not None]
            result["met"] = bool(known) and all(known)
            result["factor"] = distance(rules, telar, peers, best, better)
        if telar is None:
            result["note"] = "not yet"
        results.append(result)
    return results


def distance(rules, telar, peers, best, better):
    """How far from the goal, by its worst check: below 1 is inside it, 2 is twice too slow."""
    worst = None
    for rule in rules if telar is not None else []:
        to = best if rule.get("to") == "best" else rule.get("to")
        limit = rule["value"] if "value" in rule else rule["ratio"] * peers.get(to, 0)
        if not limit or not telar:
            continue
        factor = telar / limit if better == "lower" else limit / telar
        worst = max(worst or 0, factor)
    return worst


# -- showing


def verdict(r):
    if r["telar"] is None:
        return "not yet"
    if r["met"] is None:
        return ""
    if r["met"]:
        return "met"
    return f"missed by {r['factor']:.2f} x" if r.get("factor") else "missed"


def floor_text(r):
    return ", ".join(f"{number(r['peers'][f])}" + (f" ({f})" if f != "floor" else "")
        for f in FLOORS if f in r["peers"])


def others(r):
    rest = [w for w in r["peers"] if w not in FLOORS]
    rest.sort(key=lambda w: r["peers"][w], reverse=r["better"] == "higher")
    return ", ".join(f"{name_of(w)} {number(r['peers'][w])}" for w in rest)


def show(results, note):
    print(note)
    head = ("claim", "telar", "unit", "floor", "ratio", "goal", "", "peers")
    rows = [head]
    for r in results:
        rows.append((r["claim"], number(r["telar"]), r["unit"], floor_text(r), number(r["ratio"]),
            r["goal"] or "", verdict(r), others(r)))
    width = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, width)) + "  " + row[-1])
    judged = [r for r in results if r["met"] is not None]
    print(f"{sum(r['met'] for r in judged)} of {len(judged)} goals are met")


def markdown(results, note):
    lines = ["| claim | unit | telar | peers | floor | goal | |", "|---|---|--:|---|--:|---|---|"]
    for r in results:
        if r["goal"] or others(r):
            lines.append(f"| {r['claim']} | {r['unit']} | **{number(r['telar'])}** | {others(r)} | "
                f"{floor_text(r)} | {r['goal'] or ''} | {verdict(r)} |")
    return "\n".join([*lines, "", f"{note}.", ""])


def write(results, note, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    table = path.with_name("table.md")
    table.write_text(markdown(results, note), encoding="utf-8")
    for group in dict.fromkeys(r["group"] for r in results):
        rows = [r for r in results if r["group"] == group and (r["goal"] or others(r))]
        if rows:
            picture = path.with_name(f"{group}.svg")
            picture.write_text(svg(rows, f"telar: {group}"), encoding="utf-8")
    print(f"also in {path}, {table} and the pictures beside them")


# -- the picture: a block of bars per claim, telar's in colour

STYLE = """<style>
 svg{--ink:#1f2328;--soft:#59636e;--peer:#a8b3bf;--own:#1f7a4d;--floor:#d8dee4}
 @media (prefers-color-scheme:dark){
  svg{--ink:#e6edf3;--soft:#9198a1;--peer:#59636e;--own:#3fb27f;--floor:#30363d}}
 text{font:13px system-ui,sans-serif;fill:var(--ink)} .s{font-size:12px;fill:var(--soft)}
 .t{font-weight:600} .peer{fill:var(--peer)} .own{fill:var(--own)} .floor{fill:var(--floor)}
</style>"""
LEFT, WIDE, BAR, STEP, CUT = 150, 420, 12, 17, 8


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bars(r):
    """Who, how much; telar first, then from best to worst."""
    rest = sorted(r["peers"].items(), key=lambda kv: kv[1], reverse=r["better"] == "higher")
    return ([("telar", r["telar"])] if r["telar"] is not None else []) + rest


def block(r, y):
    items = bars(r)
    least = min((v for _, v in items if v > 0), default=1)
    # A very long bar of a slow peer says nothing but that it is long: it is cut, and marked.
    most = max(v for _, v in items) or 1
    if r["better"] == "lower":
        most = min(most, CUT * max(least, r["telar"] or 0))
    hint = "more is better" if r["better"] == "higher" else "less is better"
    out = [f'<text class="t" x="10" y="{y}">{escape(r["claim"])}'
        f'<tspan class="s" dx="8">{escape(r["unit"])}, {hint}</tspan></text>']
    for who, value in items:
        y += STEP
        long = value > most
        width = max(1.0, min(value, most) / most * WIDE)
        kind = "own" if who == "telar" else "floor" if who in FLOORS else "peer"
        label = number(value) + (" (cut)" if long else "")
        out.append(f'<text class="s" x="{LEFT - 8}" y="{y}" text-anchor="end">'
            f'{escape(name_of(who))}</text><rect class="{kind}" x="{LEFT}" y="{y - BAR + 2}" '
            f'width="{width:.1f}" height="{BAR}" rx="2"/>'
            f'<text class="s" x="{LEFT + width + 6:.1f}" y="{y}">{label}</text>')
    return out, y + STEP + 12


def svg(rows, title):
    y, parts = 50, [f'<text class="t" x="10" y="22">{escape(title)}</text>']
    for r in rows:
        made, y = block(r, y)
        parts += made
    size = f'width="{LEFT + WIDE + 110}" height="{y}" viewBox="0 0 {LEFT + WIDE + 110} {y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    head += f"<title>{escape(title)}</title>"
    return "\n".join([head, STYLE, *parts, "</svg>", ""])
