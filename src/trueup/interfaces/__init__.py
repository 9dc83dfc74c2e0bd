"""How you ask, and how it answers: command line, reports, progress."""
