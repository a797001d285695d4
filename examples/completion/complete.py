"""A field that completes first names as one types: Tab takes the best one, a click any.

`python complete.py [MODEL]`; MODEL is the file of any generator, the bundled names without it.
"""

import pocketrnn  # isort: skip  (before all that may import onnxruntime, so no telemetry is on)

import sys
import tkinter as tk
from tkinter import ttk


class Completion(ttk.Frame):
    """An entry, and below it how what is typed may go on."""

    def __init__(self, parent: tk.Misc, generator: pocketrnn.Generator, n: int = 5) -> None:
        super().__init__(parent, padding=12)
        self.generator, self.n = generator, n
        self.text = tk.StringVar()
        self.entry = ttk.Entry(self, textvariable=self.text, font="TkTextFont")
        self.entry.pack(fill="x")
        self.entry.bind("<Tab>", lambda _: self.take(0))
        self.list = tk.Listbox(self, height=n, activestyle="none", font="TkTextFont")
        self.list.pack(fill="both", expand=True, pady=(6, 0))
        self.list.bind("<<ListboxSelect>>", lambda _: self.take(*self.list.curselection()))
        # A suggestion takes a few milliseconds, so it needs no thread of its own.
        self.text.trace_add("write", lambda *_: self.show())
        self.show()
        self.entry.focus()

    def show(self) -> None:
        self.list.delete(0, "end")
        # The bundled names are in lower case.
        self.list.insert(0, *self.generator.suggest(self.text.get().lower(), self.n))

    def take(self, *chosen: int) -> str:
        if chosen and self.list.size():
            self.text.set(self.list.get(chosen[0]))
            self.entry.icursor("end")
            self.entry.focus()
        return "break"  # Tab stays in the field


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else pocketrnn.bundled("names")
    window = tk.Tk()
    window.title("Names")
    window.minsize(240, 200)
    Completion(window, pocketrnn.Generator.load(path)).pack(fill="both", expand=True)
    window.mainloop()


if __name__ == "__main__":
    main()
