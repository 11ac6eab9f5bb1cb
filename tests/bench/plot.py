"""A bar chart as SVG, without a library."""

from html import escape

COLOURS = {"native, tmpfs": "#b8c4ce", "cofferdam": "#0b6e99", "cofferdam container": "#5fb0d0", "bwrap": "#8fb996",
           "docker": "#6a8d73", "strace": "#d08c60", "cofferdam broker": "#5fb0d0", "proxychains4": "#c98bb9",
           "pasta": "#d08c60"}
LEFT, WIDTH, BAR, GAP, TOP, LIMIT = 330, 420, 9, 14, 40, 4.0


def text(x, y, words, size=12, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'


def bars(groups):
    """groups: {label: {series: ratio}}. Bars longer than LIMIT are cut and carry their number."""
    series = list(next(iter(groups.values())))
    unit = WIDTH / LIMIT
    shapes, y = [], TOP
    for label, ratios in groups.items():
        shapes.append(text(LEFT - 10, y + len(series) * BAR / 2 + 4, label, anchor="end"))
        for name in series:
            shapes.append(f'<rect x="{LEFT}" y="{y}" width="{min(ratios[name], LIMIT) * unit:.1f}" height="{BAR - 1}" '
                          f'fill="{COLOURS.get(name, "#888888")}"/>')
            shapes.append(text(LEFT + min(ratios[name], LIMIT) * unit + 4, y + BAR - 1, f"{ratios[name]:.2f}", 8))
            y += BAR
        y += GAP
    for tick in range(int(LIMIT) + 1):
        x = LEFT + tick * unit
        shapes.insert(0, f'<line x1="{x:.0f}" y1="{TOP - 6}" x2="{x:.0f}" y2="{y}" '
                         f'stroke="{"#444444" if tick == 1 else "#dddddd"}"/>' + text(x, TOP - 12, f"{tick}x", 10, "middle"))
    x = 10
    for name in series:
        shapes.append(f'<rect x="{x}" y="{y + 6}" width="10" height="10" fill="{COLOURS.get(name, "#888888")}"/>')
        shapes.append(text(x + 14, y + 15, name, 11))
        x += 34 + 7 * len(name)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{y + 30}" '
            f'font-family="sans-serif" fill="#222222"><rect width="100%" height="100%" fill="white"/>\n' +
            "\n".join(shapes) + "\n</svg>\n")
