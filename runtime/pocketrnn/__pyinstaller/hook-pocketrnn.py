"""What PyInstaller can't see by itself: the bundled model, and modules imported by name."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("pocketrnn", includes=["*.onnx"])
hiddenimports = ["pocketrnn.tables.scoring", "pocketrnn.verifying"]
