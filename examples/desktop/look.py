"""How the window looks: light or dark as the desktop is, in sizes that follow the screen."""

import subprocess
import sys
import tkinter as tk
from tkinter import font, ttk

from pocketrnn import Explanation

LIGHT = {
    "ink": "#1d2433", "paper": "#f4f5f8", "panel": "#ffffff", "quiet": "#5c6475",
    "line": "#c9ced9", "accent": "#2f62c4", "first": "#c0392f", "last": "#23794a",
}  # fmt: skip
DARK = {
    "ink": "#e8eaf0", "paper": "#1e2128", "panel": "#282c35", "quiet": "#a3abbb",
    "line": "#4a5060", "accent": "#6f9df2", "first": "#f0776c", "last": "#5cc98d",
}  # fmt: skip
# What says how the desktop looks, and what is in its answer where that is dark.
THEME = {
    "win32": (
        r"reg query HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        " /v AppsUseLightTheme",
        "0x0",
    ),
    "darwin": ("defaults read -g AppleInterfaceStyle", "Dark"),
    "linux": ("gsettings get org.gnome.desktop.interface color-scheme", "dark"),
}


def prefers_dark() -> bool:
    """Tell whether the desktop is set to dark colours; False where it doesn't say."""
    command, dark = THEME.get(sys.platform, THEME["linux"])
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows
    try:
        answer = subprocess.run(  # noqa: S603
            command.split(), capture_output=True, text=True, timeout=2, creationflags=no_window
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return dark in answer.stdout


def scaled(window: tk.Tk, size: int) -> int:
    """Return `size`, in pixels of a screen of 96 dpi, in those of the window's screen."""
    return round(size * window.winfo_fpixels("1i") / 96)


def dress(window: tk.Tk, c: dict[str, str]) -> None:
    """Give a window and all that will be in it the colours `c`, and sizes that fit its screen."""
    window.configure(background=c["paper"])
    for name in ("TkDefaultFont", "TkTextFont"):
        font.nametofont(name, window).configure(size=11)  # in points, which follow the screen
    family = font.nametofont("TkDefaultFont", window).actual("family")
    for option, colour in (
        ("background", "panel"), ("foreground", "ink"), ("insertBackground", "ink"),
        ("selectBackground", "accent"), ("selectForeground", "panel"),
        ("highlightBackground", "line"), ("highlightColor", "accent"),
    ):  # fmt: skip
        window.option_add(f"*{option}", c[colour])  # of what isn't ttk's: texts, and lists
    style = ttk.Style(window)
    style.theme_use("clam")
    style.configure(
        ".", background=c["paper"], foreground=c["ink"], fieldbackground=c["panel"],
        bordercolor=c["line"], lightcolor=c["paper"], darkcolor=c["paper"],
        troughcolor=c["line"], arrowcolor=c["ink"], arrowsize=scaled(window, 13),
        insertcolor=c["ink"],
    )  # fmt: skip
    off, focus = ("disabled", c["quiet"]), ("focus", c["accent"])
    style.map(".", foreground=[off], arrowcolor=[off], bordercolor=[focus])
    raised = [("disabled", c["paper"]), ("active", c["line"]), ("!active", c["panel"])]
    for widget, padding in (("TButton", (12, 6)), ("TCombobox", (4, 4)), ("TScrollbar", ())):
        style.configure(widget, padding=[scaled(window, size) for size in padding])
        style.map(widget, background=raised)
    style.map(
        "TCombobox", fieldbackground=[("disabled", c["paper"]), ("readonly", c["panel"])],
        selectbackground=[("readonly", c["panel"]), ("!readonly", c["accent"])],
        selectforeground=[("readonly", c["ink"]), ("!readonly", c["panel"])],
    )  # fmt: skip
    style.configure("Quiet.TLabel", foreground=c["quiet"])
    style.configure("Error.TLabel", foreground=c["first"], font=(family, 11, "bold"))
    style.configure("Title.TLabel", font=(family, 17, "bold"))
    style.configure("Label.TLabel", font=(family, 22, "bold"))
    style.configure(
        "TProgressbar", background=c["accent"], thickness=scaled(window, 12), borderwidth=0
    )


def prepare(text: tk.Text, c: dict[str, str]) -> None:
    """Give a text the shades that `paint` puts behind its words."""
    for kind in ("first", "last"):
        for shade in (1, 2, 3):
            pairs = zip(bytes.fromhex(c[kind][1:]), bytes.fromhex(c["panel"][1:]), strict=True)
            mixed = bytes((a * shade + b * (6 - shade)) // 6 for a, b in pairs)
            text.tag_configure(f"{kind}{shade}", background=f"#{mixed.hex()}")
    text.tag_raise("sel")


def paint(text: tk.Text, why: Explanation, own: str, other: str) -> None:
    """Colour the words by the label that they speak for; the strongest has the strongest shade."""
    if text.get("1.0", "end-1c") != why.text:
        return  # typed on since; the next explanation is on its way
    for tag in text.tag_names():
        if tag != "sel":
            text.tag_remove(tag, "1.0", "end")
    most = max((abs(span.weight) for span in why.spans), default=0)
    for span in why.spans:
        if span.weight and (share := abs(span.weight) / most) >= 0.05:
            tag = f"{own if span.weight > 0 else other}{min(1 + int(3 * share), 3)}"
            text.tag_add(tag, f"1.0+{span.start}c", f"1.0+{span.end}c")
