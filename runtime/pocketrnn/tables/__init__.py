"""Files of rows: one module a format, and the engine that runs a function over them."""
