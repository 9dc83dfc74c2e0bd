"""What ought to hold: pure functions from values to verdicts and findings."""
