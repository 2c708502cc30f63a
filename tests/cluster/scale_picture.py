"""Draws docs/pictures/scaling.svg: updates/s and the median step over the number of shards, expected and simulated.

scale_picture.py PROGRAM OUTPUT.svg FILE...: PROGRAM is build/default/tests/cluster/scale, each FILE the output of one of
its runs. What is expected is asked of the program anew.
"""
import math
import re
import subprocess
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP, HIGH = 760, 400, 64, 84, 64, 250
COLOURS = {100: "#1f6feb", 1000: "#d1570a", 10000: "#8250df"}
SHARDS = (10, 100, 1000)


def numbers(text):
    """Of an output of the program: shards, workers, and its lines by name, as (expected, simulated)."""
    shards, workers = map(int, re.match(r"(\d+) shards x \d+ replicas, (\d+) workers", text).groups())
    lines = {}
    for line in text.splitlines():
        found = re.match(r"(.{36}) +([0-9.e+-]+) +([0-9.e+-]+) +\S+$", line)
        if found:
            lines[found.group(1).strip()] = (float(found.group(2)), float(found.group(3)))
    return shards, workers, lines


def expected(program, shards, workers):
    words = [program, "--expected", f"shards={shards}", f"workers={workers}"]
    return numbers(subprocess.run(words, capture_output=True, text=True, check=True).stdout)[2]


def panel(left, title, name, low, high, curves, points):
    width = (WIDTH - LEFT - GAP - 24) / 2
    def x(shards):
        return left + width * (math.log10(shards) - 1) / 2 * 0.9 + 0.05 * width
    def y(value):
        return TOP + HIGH * (1 - (math.log10(value) - low) / (high - low))
    out = [f'<text x="{left}" y="{TOP - 14}" fill="#1f2328">{title}</text>']
    for power in range(low, high + 1):
        out.append(f'<line x1="{left}" y1="{y(10 ** power):.1f}" x2="{left + width:.1f}" y2="{y(10 ** power):.1f}" stroke="#d8dee4"/>')
        out.append(f'<text x="{left - 8}" y="{y(10 ** power) + 4:.1f}" text-anchor="end">{10 ** power:,}</text>')
    for shards in SHARDS:
        out.append(f'<text x="{x(shards):.1f}" y="{TOP + HIGH + 20}" text-anchor="middle">{shards:,}</text>')
    out.append(f'<text x="{left + width / 2:.1f}" y="{TOP + HIGH + 40}" text-anchor="middle">shards</text>')
    for workers, lines in curves.items():
        path = " ".join(f"{x(s):.1f},{y(one[name][0]):.1f}" for s, one in lines)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[workers]}" stroke-width="1.6" stroke-dasharray="5 3"/>')
    for shards, workers, lines in points:
        out.append(f'<circle cx="{x(shards):.1f}" cy="{y(lines[name][1]):.1f}" r="5" fill="{COLOURS[workers]}"/>')
    return out


def main():
    program, target = sys.argv[1:3]
    points = []
    for path in sys.argv[3:]:
        with open(path, encoding="utf-8") as file:
            points.append(numbers(file.read()))
    steps = [int(round(10 ** (1 + i / 8))) for i in range(17)]
    curves = {w: [(s, expected(program, s, w)) for s in steps] for w in COLOURS}
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="system-ui, \'DejaVu Sans\', sans-serif" font-size="12" fill="#59636e">',
           "<title>expected and simulated scale</title>", '<rect width="100%" height="100%" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="26" font-size="16" font-weight="600" fill="#1f2328">Lines: expected; points: simulated</text>']
    at = LEFT
    for workers, colour in COLOURS.items():
        out.append(f'<rect x="{at}" y="40" width="12" height="12" fill="{colour}"/><text x="{at + 18}" y="50">{workers:,} workers</text>')
        at += 130
    middle = LEFT + (WIDTH - LEFT - GAP - 24) / 2 + GAP
    out += panel(LEFT, "updates/s", "updates/s", 1, 4, curves, points)
    out += panel(middle, "median step, ms", "step ms, p50", 2, 5, curves, points)
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")


if __name__ == "__main__":
    main()
