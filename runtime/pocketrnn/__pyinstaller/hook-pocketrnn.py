"""What PyInstaller can't see by itself: data, modules imported by name, and what isn't needed."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("pocketrnn", includes=["*.onnx"])
hiddenimports = ["pocketrnn.tables.scoring", "pocketrnn.verifying"]
# Imported by functions that few apps call. An app that wants one imports it, or names it to
# PyInstaller by --hidden-import; then it is included.
excludedimports = ["pandas", "pyarrow", "pyspark", "zstandard"]
