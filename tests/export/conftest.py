"""How tf2onnx runs in these tests."""

import os

# What fails in one of its optimizers is an error here, no warning; nor does it copy the whole graph
# before each of them, to go on without.
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")
