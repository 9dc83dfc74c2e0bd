"""trueup: makes every file of a Python release tell installers the same story."""

__version__ = "0.1.0"
