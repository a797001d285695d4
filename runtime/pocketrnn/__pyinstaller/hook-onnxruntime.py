"""onnxruntime, without its tools for the transformers library, which take TensorFlow along.

It comes before the hook of pyinstaller-hooks-contrib, which is the same but for that.
"""

from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("onnxruntime")
excludedimports = ["onnxruntime.transformers"]
