"""tqdm, without what only its bars in notebooks and in Matplotlib's windows import."""

excludedimports = ["IPython", "ipywidgets", "matplotlib", "pandas"]
