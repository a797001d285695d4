"""A desktop app: label text as you type, and score whole files, without the window ever freezing.

`python app.py [FILE]`; `pyinstaller --windowed app.py` makes a program of it that needs no Python.

The pattern to copy is `Scorer`: one model, loaded and used in threads that never touch the window,
and a queue of results that the window empties on its own clock.
"""

import queue
import shutil
import sys
import tempfile
import threading
import tkinter as tk
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tkinter import filedialog, messagebox, ttk

import pocketrnn

# -- the glue: all that this app needs of pocketrnn ---------------------------------------------


class CancelledError(Exception):
    """Raised in the progress callback, so that scoring stops."""


class Scorer:
    def __init__(self) -> None:
        self.results: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._model = ThreadPoolExecutor(1).submit(pocketrnn.load)
        threading.Thread(target=self._live, daemon=True).start()

    def score_text(self, text: str) -> None:
        self._texts.put(text)

    def score_file(self, path: Path, output: Path) -> None:
        self._stop.clear()
        threading.Thread(target=self._file, args=(path, output), daemon=True).start()

    def cancel(self) -> None:
        self._stop.set()

    def _live(self) -> None:
        try:
            model = self._model.result()
            while True:
                text = self._texts.get()
                while not self._texts.empty():  # only the newest counts
                    text = self._texts.get()
                self.results.put((text, model.predict(text)))
        except pocketrnn.PocketRNNError as error:
            self.results.put(error)

    def _file(self, path: Path, output: Path) -> None:
        try:
            done = pocketrnn.score_file(
                path, output, model=self._model.result(), on_error="null", progress=self._report
            )
        except (pocketrnn.PocketRNNError, OSError, CancelledError) as error:
            self.results.put(error)
        else:
            self.results.put(done)

    def _report(self, progress: object) -> None:
        if self._stop.is_set():
            raise CancelledError
        self.results.put(progress)


# -- the window ---------------------------------------------------------------------------------

INK, PAPER, PANEL, QUIET = "#1d2433", "#f4f5f8", "#ffffff", "#6b7385"
COLOURS = ("#c8453b", "#2f8f5b")  # the first label, the last one
FILES = [
    ("Tables and texts", "*.csv *.tsv *.jsonl *.txt *.gz *.parquet"),
    ("All files", "*"),
]


class App(tk.Tk):
    def __init__(self, file: str | None = None) -> None:
        super().__init__()
        self.title("pocketrnn")
        self.geometry("760x560")
        self.minsize(560, 420)
        self.configure(background=PAPER)
        self._scorer = Scorer()
        self._folder = tempfile.TemporaryDirectory(prefix="pocketrnn-app-")
        self._output = Path()  # the scored file, until it is saved
        self._styles()
        self._build()
        self.protocol("WM_DELETE_WINDOW", self._close)
        self._poll()
        if file:
            self.open(Path(file))

    def _styles(self) -> None:
        style = ttk.Style(self)
        style.theme_use("clam")
        style.configure(".", background=PAPER, foreground=INK, font=("TkDefaultFont", 11))
        style.configure("Title.TLabel", font=("TkDefaultFont", 18, "bold"))
        style.configure("Quiet.TLabel", foreground=QUIET)
        style.configure("Label.TLabel", font=("TkDefaultFont", 26, "bold"))
        style.configure("TButton", padding=(14, 7), background=PANEL, bordercolor="#d5d9e2")
        style.map("TButton", background=[("disabled", PAPER), ("active", "#eceef3")])
        style.configure(
            "TProgressbar", background="#3b6fd4", troughcolor="#e2e5ec", bordercolor=PAPER
        )

    def _build(self) -> None:
        frame = ttk.Frame(self, padding=24)
        frame.pack(fill="both", expand=True)
        ttk.Label(frame, text="What does it say?", style="Title.TLabel").pack(anchor="w")
        hint = "Type or paste a text. Nothing leaves this computer."
        ttk.Label(frame, text=hint, style="Quiet.TLabel").pack(anchor="w", pady=(2, 12))

        bottom = ttk.Frame(frame)
        bottom.pack(side="bottom", fill="x")
        hint = "Score a whole file: CSV, TSV, JSON Lines or plain text."
        self._status = ttk.Label(bottom, text=hint, style="Quiet.TLabel", wraplength=700)
        self._status.pack(side="bottom", anchor="w", pady=(10, 0))
        self._open = ttk.Button(bottom, text="Open a file…", command=self._choose)
        self._open.pack(side="left")
        self._progress = ttk.Progressbar(bottom, maximum=1.0)
        self._progress.pack(side="left", fill="x", expand=True, padx=14)
        self._cancel = ttk.Button(
            bottom, text="Cancel", command=self._scorer.cancel, state="disabled"
        )
        self._cancel.pack(side="left")
        self._save = ttk.Button(bottom, text="Save result…", command=self._ask, state="disabled")
        self._save.pack(side="left", padx=(8, 0))

        result = ttk.Frame(frame)
        result.pack(side="bottom", fill="x", pady=(14, 22))
        self._label = ttk.Label(result, text="–", style="Label.TLabel")
        self._label.pack(side="left")
        self._score = ttk.Label(result, text="", style="Quiet.TLabel")
        self._score.pack(side="right", anchor="s", pady=(0, 6))
        self._bar = tk.Canvas(frame, height=12, background="#e2e5ec", highlightthickness=0)
        self._bar.pack(side="bottom", fill="x", pady=(14, 0))

        self.text = tk.Text(
            frame, wrap="word", height=8, undo=True, relief="flat", padx=14, pady=12,
            background=PANEL, foreground=INK, insertbackground=INK, font=("TkDefaultFont", 13),
            highlightthickness=1, highlightbackground="#d5d9e2", highlightcolor="#3b6fd4",
        )  # fmt: skip
        self.text.pack(fill="both", expand=True)
        self.text.bind("<<Modified>>", self._typed)
        self.text.focus_set()

    # -- a text, as it is typed

    def _typed(self, _: object) -> None:
        if self.text.edit_modified():
            self.text.edit_modified(False)
            self._scorer.score_text(self.text.get("1.0", "end-1c"))

    def _show(self, text: str, prediction: pocketrnn.Prediction) -> None:
        names = list(prediction.probabilities)
        if not text.strip():
            self._label.configure(text="–", foreground=INK)
            self._score.configure(text="")
            self._bar.delete("all")
            self.title("pocketrnn")
            return
        label = str(prediction.label)
        colour = COLOURS[0] if label == names[0] else COLOURS[1]
        self._label.configure(text=label, foreground=colour)
        self._score.configure(text=f"probability {prediction.score:.4f}")
        self._bar.delete("all")
        width = self._bar.winfo_width() * prediction.score
        self._bar.create_rectangle(0, 0, width, 12, fill=colour, width=0)
        self.title(f"{label} {prediction.score:.4f} – pocketrnn")

    # -- a file, in the background

    def _choose(self) -> None:
        if path := filedialog.askopenfilename(parent=self, title="Score a file", filetypes=FILES):
            self.open(Path(path))

    def open(self, path: Path) -> None:
        # A text file becomes a table; the others stay what they are.
        endings = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
        name = f"scored{'.csv' if endings.startswith('.txt') else endings}"
        self._output = Path(tempfile.mkdtemp(dir=self._folder.name)) / name
        self._busy(True)
        self._status.configure(text=f"Scoring {path.name} …")
        self._scorer.score_file(path, self._output)

    def _busy(self, busy: bool) -> None:
        self._progress.configure(value=0.0)
        self._open.configure(state="disabled" if busy else "normal")
        self._cancel.configure(state="normal" if busy else "disabled")
        self._save.configure(state="disabled")

    def _advance(self, progress: pocketrnn.Progress) -> None:
        self._progress.configure(value=progress.position / (progress.total or 1))
        self._status.configure(text=f"{progress.rows:,} rows scored …")

    def _finish(self, done: pocketrnn.Summary) -> None:
        self._busy(False)
        self._progress.configure(value=1.0)
        self._save.configure(state="normal")
        labels = ", ".join(f"{count:,} {label}" for label, count in done.labels.items())
        took = f"{done.rows:,} rows in {done.seconds:.1f} s"
        self._status.configure(text=f"{took}: {labels}; {done.errors:,} unreadable.")

    def _ask(self) -> None:
        if path := filedialog.asksaveasfilename(
            parent=self, title="Save the result", initialfile=self._output.name
        ):
            try:
                shutil.copyfile(self._output, path)
            except OSError as error:
                messagebox.showerror("Not saved", str(error), parent=self)
            else:
                self._status.configure(text=f"Saved to {path}.")

    # -- the queue

    def _poll(self) -> None:
        """Show what the threads have found; only this thread may touch the window."""
        while not self._scorer.results.empty():
            match self._scorer.results.get():
                case (str(text), pocketrnn.Prediction() as prediction):
                    self._show(text, prediction)
                case pocketrnn.Progress() as progress:
                    self._advance(progress)
                case pocketrnn.Summary() as done:
                    self._finish(done)
                case Exception() as error:
                    self._busy(False)
                    cancelled = isinstance(error, CancelledError)
                    self._status.configure(text="Cancelled." if cancelled else str(error))
        self._timer = self.after(40, self._poll)

    def _close(self) -> None:
        self._scorer.cancel()
        self.after_cancel(self._timer)
        self.destroy()
        self._folder.cleanup()


if __name__ == "__main__":
    App(sys.argv[1] if len(sys.argv) > 1 else None).mainloop()
