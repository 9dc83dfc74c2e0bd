"""Lock files of every tool, read into the one model of a lock."""
