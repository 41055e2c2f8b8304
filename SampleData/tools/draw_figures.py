#!/usr/bin/env python3
"""Draws the pictures of the sample papers into SampleData/medical-zh/assets and medical-en/assets.

Needs matplotlib and Pillow. The pictures carry no words in any language, only units, figures and letters, so both
papers share them. They are committed; run this only to change them:  python3 draw_figures.py
"""

import math
import pathlib
import random
import shutil

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Arc, Circle, FancyArrowPatch
from PIL import Image, ImageDraw, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "medical-zh" / "assets"


def save(figure, name):
    figure.savefig(OUT / name, dpi=100, metadata={"Software": None})
    plt.close(figure)


def ecg_axes(seconds, lead):
    """Millimetre paper at 25 mm/s and 10 mm/mV."""
    figure, axes = plt.subplots(figsize=(10, 3))
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.98)
    axes.set_xlim(0, seconds)
    axes.set_ylim(-1.0, 2.0)
    axes.set_xticks(np.arange(0, seconds + 0.01, 0.2))
    axes.set_xticks(np.arange(0, seconds + 0.01, 0.04), minor=True)
    axes.set_yticks(np.arange(-1.0, 2.01, 0.5))
    axes.set_yticks(np.arange(-1.0, 2.01, 0.1), minor=True)
    axes.grid(which="minor", color="#f7c9c9", linewidth=0.4)
    axes.grid(which="major", color="#e88f8f", linewidth=0.8)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    axes.text(0.05, 1.72, lead, fontsize=15, weight="bold")
    axes.text(seconds - 1.75, -0.9, "25 mm/s   10 mm/mV", fontsize=10)
    return figure, axes


def bump(time, centre, width, height):
    return height * np.exp(-(((time - centre) / width) ** 2))


def beat(time, at):
    """A QRS complex with its T wave."""
    return (
        bump(time, at - 0.035, 0.011, -0.12)
        + bump(time, at, 0.014, 1.25)
        + bump(time, at + 0.035, 0.013, -0.28)
        + bump(time, at + 0.27, 0.055, 0.25)
    )


def draw_atrial_fibrillation():
    rng = np.random.default_rng(7)
    seconds = 6.0
    time = np.arange(0, seconds, 0.002)
    trace = np.zeros_like(time)
    for frequency in (5.1, 5.9, 6.8, 7.7):
        trace += 0.028 * np.sin(2 * math.pi * frequency * time + rng.uniform(0, 6.28))
    at = 0.35
    for interval in (0.46, 0.71, 0.38, 0.62, 0.88, 0.41, 0.55, 0.79, 0.40, 0.67, 0.52):
        trace += beat(time, at)
        at += interval
    figure, axes = ecg_axes(seconds, "II")
    axes.plot(time, trace + rng.normal(0, 0.006, time.size), color="black", linewidth=1.1)
    save(figure, "ecg-1.png")


def draw_complete_block():
    seconds = 6.0
    time = np.arange(0, seconds, 0.002)
    trace = np.zeros_like(time)
    for at in np.arange(0.18, seconds, 0.74):
        trace += bump(time, at, 0.035, 0.17)
    for at in np.arange(0.62, seconds + 1, 1.62):
        trace += bump(time, at - 0.05, 0.02, -0.1) + bump(time, at, 0.035, 1.0) + bump(time, at + 0.07, 0.03, -0.4)
        trace += bump(time, at + 0.38, 0.07, 0.3)
    figure, axes = ecg_axes(seconds, "II")
    axes.plot(time, trace, color="black", linewidth=1.1)
    save(figure, "ecg-2.png")


def draw_fever():
    hours = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 76, 80, 84, 88, 92, 96, 100, 104, 108]
    values = [
        36.7, 37.0, 39.8, 40.4, 38.2, 36.9, 36.6, 36.7, 36.5, 36.6, 36.8, 36.6, 36.7, 37.2, 39.9, 40.6, 38.0, 36.8,
        36.5, 36.6, 36.7, 36.6, 36.5, 36.7, 36.8, 37.1, 40.0, 40.3,
    ]
    figure, axes = plt.subplots(figsize=(9, 4.2))
    axes.axhline(37.3, color="#c0392b", linewidth=1, linestyle="--")
    axes.plot(hours, values, marker="o", markersize=4, color="#1f4e79")
    axes.set_xticks(range(0, 121, 24))
    axes.set_xticks(range(0, 121, 8), minor=True)
    axes.set_xlim(-2, 114)
    axes.set_ylim(35.5, 41.5)
    axes.set_xlabel("h")
    axes.set_ylabel("°C")
    axes.grid(which="both", color="#dddddd", linewidth=0.6)
    figure.tight_layout()
    save(figure, "fever-1.png")


def draw_growth():
    """Height of boys in cm by age in years: three centile lines after the WHO standard, and one child."""
    age = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10])
    median = np.array([87.1, 96.1, 103.3, 110.0, 116.0, 121.7, 127.3, 132.6, 137.8])
    spread = np.array([3.1, 3.7, 4.2, 4.6, 4.9, 5.2, 5.4, 5.7, 6.0])
    figure, axes = plt.subplots(figsize=(7, 5.6))
    for factor, label in ((1.881, "P97"), (0, "P50"), (-1.881, "P3")):
        axes.plot(age, median + factor * spread, color="#7f8c8d", linewidth=1.4, linestyle="-" if factor == 0 else "--")
        axes.text(10.08, median[-1] + factor * spread[-1] - 0.5, label, fontsize=11)
    child_age = [2.1, 3.0, 4.0, 5.0, 6.0, 7.0, 8.1]
    child = [87.0, 95.2, 100.1, 103.2, 106.4, 109.3, 112.4]
    axes.plot(child_age, child, marker="o", color="#c0392b", linewidth=1.8)
    axes.set_xlim(1.8, 10.8)
    axes.set_ylim(78, 152)
    axes.set_xlabel("a")
    axes.set_ylabel("cm")
    axes.grid(color="#e5e5e5", linewidth=0.6)
    figure.tight_layout()
    save(figure, "growth-1.png")


def draw_oxygen():
    pressure = np.linspace(0, 100, 300)
    figure, axes = plt.subplots(figsize=(6.5, 5))
    for p50, label, style, place in ((26.6, "1", "-", (44, 80)), (36, "2", "--", (51, 66)), (19, "3", "-.", (20, 62))):
        axes.plot(pressure, 100 * pressure**2.7 / (pressure**2.7 + p50**2.7), style, color="#1f4e79", linewidth=1.9)
        axes.annotate(label, place, fontsize=14, weight="bold", color="#c0392b", ha="center", va="center",
                      bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": "#c0392b"})
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    axes.set_xlabel(r"$P_{\mathrm{O_2}}$  (mmHg)")
    axes.set_ylabel(r"$S_{\mathrm{O_2}}$  (%)")
    axes.grid(color="#e5e5e5", linewidth=0.6)
    figure.tight_layout()
    save(figure, "curve-1.png")


def draw_nephron():
    figure, axes = plt.subplots(figsize=(7, 6))
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10)
    axes.axis("off")
    axes.axhspan(5.2, 10, color="#fdf3e4")
    axes.axhspan(0, 5.2, color="#f7e3d3")
    axes.axhline(5.2, color="#c9a98c", linewidth=1, linestyle="--")
    tube = {"color": "#c98b2b", "linewidth": 9, "solid_capstyle": "round", "zorder": 2}
    # The capsule, with the tuft of capillaries and its two arterioles.
    for turn in range(5):
        angle = turn * 2 * math.pi / 5
        axes.add_patch(Circle((1.75 + 0.33 * math.cos(angle), 8.1 + 0.33 * math.sin(angle)), 0.34, fill=False,
                              color="#b03a2e", linewidth=3, zorder=3))
    axes.add_patch(Arc((1.75, 8.1), 2.2, 2.2, theta1=20, theta2=340, color="#c98b2b", linewidth=5, zorder=2))
    axes.plot([0.1, 1.2], [8.75, 8.3], color="#b03a2e", linewidth=5)
    axes.plot([0.1, 1.2], [7.45, 7.9], color="#b03a2e", linewidth=4)
    path = [(2.85, 8.1), (3.2, 8.1)]
    for step in range(0, 61):
        path.append((3.2 + 1.3 * step / 60, 8.1 + 0.75 * math.sin(step / 60 * 4 * math.pi)))
    path += [(4.5, 8.1), (4.62, 7.6), (4.62, 6.2)]
    axes.plot([x for x, _ in path], [y for _, y in path], **tube)
    thin = {"color": "#d9a54c", "linewidth": 5, "solid_capstyle": "round", "zorder": 2}
    down = [(4.62, 6.2), (4.62, 1.6)]
    bend = [(5.07 - 0.45 * math.cos(t), 1.6 - 0.6 * math.sin(t)) for t in np.linspace(0, math.pi, 25)]
    axes.plot([x for x, _ in down + bend], [y for _, y in down + bend], **thin)
    axes.plot([5.52, 5.52], [1.6, 7.6], **tube)
    late = [(5.52, 7.6)]
    for step in range(0, 61):
        late.append((5.6 + 2.0 * step / 60, 8.15 + 0.65 * math.sin(step / 60 * 5 * math.pi)))
    late += [(8.2, 8.3)]
    axes.plot([x for x, _ in late], [y for _, y in late], **tube)
    axes.plot([8.3, 8.3], [9.2, 0.5], color="#a9711c", linewidth=14, solid_capstyle="round", zorder=2)
    for label, target, place in (
        ("A", (1.75, 8.1), (1.75, 9.6)),
        ("B", (3.85, 8.6), (3.6, 9.6)),
        ("C", (5.07, 1.0), (3.6, 0.7)),
        ("D", (6.8, 8.4), (6.6, 9.6)),
        ("E", (8.3, 4.0), (9.5, 4.0)),
    ):
        axes.add_patch(FancyArrowPatch(place, target, arrowstyle="-|>", mutation_scale=14, color="black", zorder=4))
        axes.text(*place, label, fontsize=16, weight="bold", ha="center", va="center", zorder=5,
                  bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": "black"})
    figure.subplots_adjust(0, 0, 1, 1)
    save(figure, "diagram-1.png")


def draw_loops():
    """Three flow-volume loops; the grey one is the same healthy outline in each."""

    def expiration(vital, peak, curve):
        volume = np.linspace(0, vital, 200)
        rise = np.minimum(1, volume / (0.12 * vital))
        return volume, peak * rise * (1 - volume / vital) ** curve

    def inspiration(vital, peak):
        volume = np.linspace(0, vital, 200)
        return volume, -peak * np.sin(math.pi * volume / vital) ** 0.75

    shapes = {"loop-1.png": (2.4, 7.6, 0.75, 4.6), "loop-2.png": (4.6, 8.6, 0.95, 5.4), "loop-3.png": (3.9, 5.4, 3.2, 4.4)}
    for name, (vital, peak, curve, inward) in shapes.items():
        figure, axes = plt.subplots(figsize=(3.4, 3.4))
        axes.axhline(0, color="black", linewidth=0.8)
        for numbers, style in (((4.6, 8.6, 0.95, 5.4), ("#bbbbbb", ":", 1.3)), ((vital, peak, curve, inward), ("#1f4e79", "-", 2.0))):
            color, line, width = style
            axes.plot(*expiration(numbers[0], numbers[1], numbers[2]), color=color, linestyle=line, linewidth=width)
            axes.plot(*inspiration(numbers[0], numbers[3]), color=color, linestyle=line, linewidth=width)
        axes.set_xlim(0, 5.2)
        axes.set_ylim(-6.5, 9.5)
        axes.set_xlabel("L")
        axes.set_ylabel("L/s")
        figure.tight_layout()
        save(figure, name)


def draw_smear():
    """A blood smear with crescent-shaped red cells among round ones."""
    random.seed(11)
    scale = 3
    size = (720 * scale, 540 * scale)
    picture = Image.new("RGB", size, (247, 238, 232))
    placed = []
    tries = 0
    while len(placed) < 46 and tries < 6000:
        tries += 1
        x, y = random.randint(40, 680), random.randint(40, 500)
        if all((x - a) ** 2 + (y - b) ** 2 > 74**2 for a, b in placed):
            placed.append((x, y))
    for index, (x, y) in enumerate(placed):
        cell = Image.new("RGBA", (90 * scale, 90 * scale), (0, 0, 0, 0))
        pen = ImageDraw.Draw(cell)
        middle = 45 * scale
        if index % 3 == 0:
            radius = random.randint(33, 37) * scale
            pen.ellipse([middle - radius, middle - radius, middle + radius, middle + radius], fill=(196, 92, 96, 255))
            shift = int(radius * 0.52)
            hole = Image.new("L", cell.size, 0)
            ImageDraw.Draw(hole).ellipse(
                [middle - radius + shift, middle - radius, middle + radius + shift, middle + radius], fill=255)
            cell.paste((0, 0, 0, 0), mask=hole)
            cell = cell.rotate(random.randint(0, 359), resample=Image.BICUBIC)
        else:
            radius = random.randint(27, 31) * scale
            pen.ellipse([middle - radius, middle - radius, middle + radius, middle + radius], fill=(205, 104, 106, 255))
            pale = radius // 3
            pen.ellipse([middle - pale, middle - pale, middle + pale, middle + pale], fill=(233, 178, 174, 255))
            cell = cell.filter(ImageFilter.GaussianBlur(4))
        picture.paste(cell, (x * scale - middle, y * scale - middle), cell)
    picture = picture.resize((720, 540), Image.LANCZOS).filter(ImageFilter.GaussianBlur(0.6))
    picture.save(OUT / "smear-1.jpg", quality=88)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for draw in (
        draw_atrial_fibrillation, draw_complete_block, draw_fever, draw_growth, draw_oxygen, draw_nephron, draw_loops,
        draw_smear,
    ):
        draw()
    other = ROOT / "medical-en" / "assets"
    other.mkdir(parents=True, exist_ok=True)
    for file in sorted(OUT.iterdir()):
        shutil.copyfile(file, other / file.name)


if __name__ == "__main__":
    main()
