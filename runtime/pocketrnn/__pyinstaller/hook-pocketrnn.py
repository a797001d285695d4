"""What PyInstaller can't see by itself: data, modules imported by name, and what isn't needed."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files("pocketrnn", includes=["*.onnx"])
hiddenimports = collect_submodules("pocketrnn")  # many are imported when first needed, by name
# Imported by functions that few apps call. An app that wants one imports it, or names it to
# PyInstaller by --hidden-import; then it is included.
excludedimports = [
    "pandas",
    "pyarrow",
    "pyspark",
    "backports.zstd",
    "python_calamine",
    "matplotlib",
]
