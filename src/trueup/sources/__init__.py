"""Where things come from: the only files, network and subprocesses of the project."""
