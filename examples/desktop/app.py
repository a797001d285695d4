"""A desktop app: label a text as you type it, and whole files in the background.

`python app.py [FILE]`; `pyinstaller --windowed app.py` makes a program of it that needs no Python.

The pattern to copy is `Scorer`: it loads and uses one model in threads that never touch the window,
and puts what is to be shown into a queue, which the window empties on its own clock.
"""

import pocketrnn  # isort: skip  (before all that may import onnxruntime, so no telemetry is on)

import queue
import re
import shutil
import sys
import tempfile
import threading
import tkinter as tk
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tkinter import filedialog, messagebox, ttk
from typing import Any

import look

from pocketrnn.errors import ColumnError, MissingExtraError, ModelFileError

# -- the glue: all that this app needs of pocketrnn ---------------------------------------------


class CancelledError(Exception):
    """Raised in the progress callback, so that scoring stops."""


class Scorer:
    def __init__(self) -> None:
        self.results: queue.SimpleQueue[tuple[Callable[[Any], None], Any]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._newest = ""
        self._texts, self._files = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._model = self._files.submit(pocketrnn.load)

    def nothing(self) -> str:
        return "none" if self._model.result().config.multi_label else "can't tell"

    def score_text(self, text: str, show: Callable[[Any], None]) -> None:
        self._newest = text
        self._texts.submit(self._answer, show, self._text, text)

    def score_file(self, show: Callable[[Any], None], *arguments: Any, **options: Any) -> None:
        self._stop.clear()
        self._files.submit(self._answer, show, self._file, show, *arguments, **options)

    def cancel(self) -> None:
        self._stop.set()

    def close(self) -> None:
        """Wait for the threads: Python must not end while they are at work."""
        self._stop.set()
        for pool in (self._texts, self._files):
            pool.shutdown(cancel_futures=True)

    def _answer(self, show: Callable[[Any], None], work: Any, *args: Any, **options: Any) -> None:
        try:
            self.results.put((show, work(*args, **options)))
        except Exception as error:  # noqa: BLE001 (any other end would leave the window waiting)
            self.results.put((show, error))

    def _text(self, text: str) -> tuple[pocketrnn.Prediction, pocketrnn.Explanation] | None:
        if text is not self._newest:
            return None
        model = self._model.result()
        return model.predict(text, unsure="unsure" in model.card), model.explain(text)

    def _file(self, show: Any, path: Path, output: Path, **options: Any) -> pocketrnn.Summary:
        def progress(found: pocketrnn.Progress) -> None:
            if self._stop.is_set():
                raise CancelledError
            self.results.put((show, found))

        options |= {"model": self._model.result(), "on_error": "null", "progress": progress}
        return pocketrnn.score_file(path, output, **options)


# -- the user's words ---------------------------------------------------------------------------

ENCODINGS = {
    "Unicode (UTF-8)": "utf-8",
    "Unicode (UTF-16)": "utf-16",
    "Western (Windows)": "cp1252",
    "Japanese (Shift JIS)": "cp932",
}
FOUND = "(found by itself)"
KINDS = "*.csv *.tsv *.jsonl *.json *.txt *.gz"
KINDS += " *.parquet" * bool(find_spec("pyarrow")) + " *.xlsx" * bool(find_spec("python_calamine"))
WRITTEN = {".txt": ".csv", ".json": ".jsonl", ".xlsx": ".csv"}  # the others stay what they are
WORDS = {
    CancelledError: "Cancelled.",
    ColumnError: "Which column of {name} holds the texts? Choose it above.",
    MissingExtraError: "This program can't read files of this kind: {name}.",
    ModelFileError: "This program is damaged; please install it again. ({what})",
    MemoryError: "There is too little memory for {name}.",
    Exception: "{name} can't be scored: {what}.",
}


def in_words(error: Exception, name: str) -> str:
    """Say what is wrong with the file `name` to someone who has no shell."""
    words = next(words for kind, words in WORDS.items() if isinstance(error, kind))
    # pocketrnn's messages say what and where, then what to do in a program.
    what = re.split(r";|[:,(?][^;:,(?]*\w=", str(error))[0]
    return words.format(name=name, what=what)


def rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


# -- the window ---------------------------------------------------------------------------------

COMMAND = "Command" if sys.platform == "darwin" else "Control"


class App(tk.Tk):
    def __init__(self, file: str | None = None) -> None:
        if sys.platform == "win32":  # else Windows blurs the window on fine screens
            import ctypes

            ctypes.windll.shcore.SetProcessDpiAwareness(1)
        super().__init__(className="pocketrnn")
        self.title("pocketrnn")
        self.scorer = Scorer()
        self._folder = tempfile.TemporaryDirectory(prefix="pocketrnn-app-")
        self._input: Path | None = None
        self._output = Path()  # the scored file, until it is saved
        self._unreadable: Path | None = None  # the list of its unreadable rows
        self._colours = look.DARK if look.prefers_dark() else look.LIGHT
        look.dress(self, self._colours)
        self._icon = tk.PhotoImage(master=self, width=64, height=64)
        self._icon.put(self._colours["last"], to=(6, 12, 58, 28))
        self._icon.put(self._colours["first"], to=(6, 36, 34, 52))
        self.iconphoto(True, self._icon)
        self._build(look.scaled(self, 8))
        self._keys()
        self.update_idletasks()
        self.minsize(self.winfo_reqwidth(), self.winfo_reqheight())
        self.geometry(f"{look.scaled(self, 760)}x{look.scaled(self, 600)}")
        self._poll()
        if file:
            self.open(Path(file))

    def _build(self, gap: int) -> None:
        frame = ttk.Frame(self, padding=2 * gap)
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(2, weight=1)
        ttk.Label(frame, text="What does it say?", style="Title.TLabel").grid(sticky="w")
        hint = "Type or paste a text. Nothing leaves this computer."
        ttk.Label(frame, text=hint, style="Quiet.TLabel").grid(sticky="w", pady=(0, gap))
        self.text = tk.Text(
            frame, wrap="word", width=30, height=3, undo=True, relief="flat", font="TkTextFont",
            padx=gap, pady=gap, highlightthickness=gap // 8,
        )  # fmt: skip
        self.text.grid(row=2, sticky="nsew")
        self.text.focus_set()
        scroll = ttk.Scrollbar(frame, command=self.text.yview)
        scroll.grid(row=2, column=1, sticky="ns")
        self.text.configure(yscrollcommand=scroll.set)
        look.prepare(self.text, self._colours)

        self._bar = ttk.Progressbar(frame, maximum=1, style="Score.Horizontal.TProgressbar")
        self._bar.grid(row=3, columnspan=2, sticky="ew", pady=gap)
        result, options, files = lines = [ttk.Frame(frame) for _ in range(3)]
        for number, line in enumerate(lines):
            line.grid(row=4 + number, columnspan=2, sticky="ew", pady=(0, gap))
        self._label = ttk.Label(result, text="–", style="Label.TLabel")
        self._label.pack(side="left")
        self._score = ttk.Label(result, style="Quiet.TLabel")
        self._score.pack(side="right", padx=(gap, 0))

        self._column = ttk.Combobox(options, values=[FOUND], width=14)
        self._column.set(FOUND)
        self._encoding = ttk.Combobox(options, values=[*ENCODINGS], width=16, state="readonly")
        self._encoding.current(0)
        for name, box in (("Column of texts", self._column), ("Encoding", self._encoding)):
            ttk.Label(options, text=name).pack(side="left", padx=(0, gap))
            box.pack(side="left", fill="x", expand=True, padx=(0, gap * (box is self._column)))
            box.bind("<<ComboboxSelected>>", self._again)
        self._column.bind("<Return>", self._again)

        self._open = ttk.Button(files, text="Open a file…", command=self.choose)
        self._progress = ttk.Progressbar(files, maximum=1, length=8 * gap)
        self._cancel = ttk.Button(files, text="Cancel", command=self.scorer.cancel)
        self._save = ttk.Button(files, text="Save result…", command=self.save)
        self._open.pack(side="left")
        self._save.pack(side="right")
        self._cancel.pack(side="right", padx=gap)
        self._progress.pack(fill="x", expand=True, padx=(gap, 0))
        self._status = ttk.Label(frame)
        self._status.grid(row=7, columnspan=2, sticky="ew")
        self._set(busy=False, result=False)
        self._say("Score a whole file: CSV, TSV, JSON Lines or plain text.")

    def _keys(self) -> None:
        self.protocol("WM_DELETE_WINDOW", self.close)
        self.text.bind("<<Modified>>", self._typed)
        self._status.bind(
            "<Configure>", lambda e: self._status.configure(wraplength=e.width * 98 // 100)
        )
        # Tk's own keys in texts: Ctrl+O breaks the line, Ctrl+A goes to its start, Tab is a tab.
        self.unbind_class("Text", "<Control-o>")
        for key, event in (("<Tab>", "<<NextWindow>>"), ("<Shift-Tab>", "<<PrevWindow>>")):
            self.text.bind(key, partial(self._move, event))
        self.event_delete("<<LineStart>>", "<Control-a>")
        self.event_add("<<SelectAll>>", f"<{COMMAND}-a>")
        self.bind(f"<{COMMAND}-o>", lambda _: self._open.invoke())
        self.bind(f"<{COMMAND}-s>", lambda _: self._save.invoke())
        self.bind("<Escape>", lambda _: self._cancel.invoke())

    def _move(self, event: str, _: object) -> str:
        self.text.event_generate(event)
        return "break"  # else the text gets the tab too

    def _say(self, text: str, *, error: bool = False) -> None:
        style = "Error.TLabel" if error else "Quiet.TLabel"
        self._status.configure(text=f"⚠ {text}" if error else text, style=style)

    def _set(self, *, busy: bool, result: bool) -> None:
        self._progress.configure(value=0)
        states = ((self._open, not busy), (self._cancel, busy), (self._save, result))
        for widget, on in (*states, (self._column, not busy), (self._encoding, not busy)):
            widget.state(["!disabled" if on else "disabled"])

    # -- a text, as it is typed

    def _typed(self, _: object) -> None:
        if self.text.edit_modified():
            self.text.edit_modified(False)
            self.scorer.score_text(self.text.get("1.0", "end-1c"), self._show)

    def _show(self, found: Any) -> None:
        if isinstance(found, Exception):
            self._say(in_words(found, "The text"), error=True)
        elif found:
            said, why = found
            known = f"{said.known} of {said.words} words known" if said.words else ""
            colour, label, score, title = "quiet", "–", 0.0, "pocketrnn"
            is_first = why.label == next(iter(said.probabilities))
            own, other = ("first", "last") if is_first else ("last", "first")
            if said.known:
                colour, score = own if said.labels else "quiet", said.score
                label = ", ".join(said.labels) or self.scorer.nothing()
                if said.threshold not in (None, 0.5):  # else a low score would look like a mistake
                    known = f"needs {said.threshold:.4f} – {known}"
                known = f"probability {score:.4f} – {known}"
                title = f"{label} {score:.4f} – pocketrnn"
            look.paint(self.text, why, own, other)
            self._label.configure(text=label, foreground=self._colours[colour])
            self._score.configure(text=known)
            self._bar.configure(value=score)
            ttk.Style(self).configure(self._bar["style"], background=self._colours[colour])
            self.title(title)

    # -- a file, in the background

    def choose(self) -> None:
        kinds = [("Tables and texts", KINDS), ("All files", "*")]
        if path := filedialog.askopenfilename(parent=self, title="Score a file", filetypes=kinds):
            self._column.configure(values=[FOUND])
            self._column.set(FOUND)
            self.open(Path(path))

    def _again(self, _: object) -> None:
        if self._input:
            self.open(self._input)

    def open(self, path: Path) -> None:
        packed = path.suffix if path.suffix.lower() in (".gz", ".zst") else ""
        table = Path(path.name.removesuffix(packed))
        name = f"{table.stem}-scored" + WRITTEN.get(table.suffix.lower(), table.suffix + packed)
        self._input, self._output = path, Path(tempfile.mkdtemp(dir=self._folder.name), name)
        self._set(busy=True, result=False)
        self._say(f"Scoring {path.name} …")
        column = self._column.get()
        self.scorer.score_file(
            self._follow, path, self._output, encoding=ENCODINGS[self._encoding.get()],
            text_column=None if column in ("", FOUND) else column,
        )  # fmt: skip

    def _follow(self, found: pocketrnn.Progress | pocketrnn.Summary | Exception) -> None:
        if isinstance(found, pocketrnn.Progress):
            self._progress.configure(value=found.position / (found.total or 1))
            self._say(f"{rows(found.rows)} scored …")
        elif isinstance(found, pocketrnn.Summary):
            self._set(busy=False, result=True)
            self._progress.configure(value=1)
            self._unreadable = found.errors_path
            labels = ", ".join(f"{count:,} {label}" for label, count in found.labels.items())
            also = f" {rows(found.errors)} can't be read; a list is saved with the result."
            took = f"{rows(found.rows)} in {found.seconds:.1f} s: {labels}."
            self._say(took + also * bool(found.errors), error=bool(found.errors))
        else:
            self._set(busy=False, result=False)
            if isinstance(found, ColumnError):
                self._column.configure(values=[FOUND, *found.columns])
            name = self._input.name if self._input else ""
            self._say(in_words(found, name), error=not isinstance(found, CancelledError))

    def save(self) -> None:
        if path := filedialog.asksaveasfilename(
            parent=self, title="Save the result", initialfile=self._output.name
        ):
            target, also = Path(path), ""
            try:
                if self._unreadable:
                    listed = target.with_name(f"{target.stem} (unreadable rows).csv")
                    question = f"{listed.name} exists. Replace it?"
                    if listed.exists() and not messagebox.askyesno("Save", question, parent=self):
                        return
                    put(self._unreadable, listed)
                    also = f", and beside it {listed.name}"
                put(self._output, target)
                self._say(f"Saved as {target}{also}.")
            except OSError as error:
                self._say(f"{target.name} isn't saved: {error.strerror}.", error=True)

    # -- the queue

    def _poll(self) -> None:
        """Show what the threads have found; only this thread may touch the window."""
        while not self.scorer.results.empty():
            show, found = self.scorer.results.get()
            show(found)
        self._timer = self.after(40, self._poll)

    def close(self) -> None:
        self.withdraw()  # at once; the threads may take a moment
        self.after_cancel(self._timer)
        self.scorer.close()
        self.destroy()
        self._folder.cleanup()


def put(source: Path, target: Path) -> None:
    """Copy a file; what `target` was stays whole until it is replaced."""
    part = target.with_name(f"{target.name}.{source.parent.name}")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    app = App(sys.argv[1] if len(sys.argv) > 1 else None)
    try:
        app.mainloop()
    finally:
        app.scorer.close()
