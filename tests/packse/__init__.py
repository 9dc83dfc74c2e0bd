"""The scenarios of packse, built on this machine and never committed: `just packse`."""
