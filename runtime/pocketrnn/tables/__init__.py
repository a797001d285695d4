"""Files of rows: one module a file format, and the engine that runs a function over them."""
