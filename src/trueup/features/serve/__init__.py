"""`serve`: an index that publishes releases whole, and serves every installer the truth."""
