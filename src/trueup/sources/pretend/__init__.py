"""A folder for `PYTHONPATH` inside the sandbox: its `sitecustomize` pretends another time or place."""
