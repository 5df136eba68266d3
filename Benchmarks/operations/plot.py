# SPDX-License-Identifier: Apache-2.0
"""The figures of `run` as a plot and as a table for docs/performance.md."""
import html
import math

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 960, 380, 130, 14, 12, 54
LEAST, MOST = 0.01, 100


def show(value, unit):
    if unit == "µs" and value >= 1000:
        return f"{value / 1000:.2f} ms"
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


def ratio(value):
    return f"{value:.0f}×" if value >= 10 else f"{value:.2f}×"


def x(value):
    part = math.log(min(max(value, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def text(at, y, words, size=12, anchor="start", color="#222"):
    return (f'<text x="{at:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}">'
            f"{html.escape(words)}</text>")


def line(at, top, bottom, color):
    return f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" stroke="{color}"/>'


def draw(rows):
    rows = [row for row in rows if row["ratio"]]
    bottom = TOP + len(rows) * (BAR + GAP + 14)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 30}" font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        text(16, 22, "Operations: the time as a multiple of what they are compared with", 15),
        text(16, 40, "Logarithmic; shorter is faster. The mark is the goal.", 11, color="#666"),
    ]
    for tick in 0.01, 0.1, 1, 10, 100:
        parts += [line(x(tick), TOP, bottom, "#222" if tick == 1 else "#ddd"),
                  text(x(tick), bottom + 16, f"{tick:g}×", 11, "middle", "#666")]
    for index, row in enumerate(rows):
        y = TOP + 8 + index * (BAR + GAP + 14)
        reached = row["goal"] is None or row["ratio"] <= row["goal"]
        end = x(row["ratio"])
        parts += [text(LEFT - 10, y + 10, row["work"], 12, "end"),
                  text(LEFT - 10, y + 24, f"against {row['other']}", 11, "end", "#666"),
                  f'<rect x="{LEFT}" y="{y}" width="{max(end - LEFT, 1):.1f}" height="{BAR}" '
                  f'fill="{"#3b7dd8" if reached else "#d98032"}"/>',
                  text(end + 6, y + 11, f"{ratio(row['ratio'])} ({show(row['ours'], row['unit'])})")]
        if row["goal"]:
            parts.append(f'<line x1="{x(row["goal"]):.1f}" x2="{x(row["goal"]):.1f}" y1="{y - 3}" y2="{y + BAR + 3}" '
                         'stroke="#111" stroke-width="2"/>')
    return "\n".join([*parts, "</svg>", ""])


def table(rows):
    print("| | time | ratio | to |\n|---|---|---|---|")
    for row in rows:
        theirs = f"{row['other']} ({show(row['theirs'], row['unit'])})" if row["ratio"] else ""
        print(f"| {row['work']} | {show(row['ours'], row['unit'])} | {ratio(row['ratio']) if row['ratio'] else ''} | {theirs} |")
