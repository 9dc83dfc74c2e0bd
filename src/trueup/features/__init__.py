"""What you can do: one verb each, none imports another."""
