"""The command line for daily work."""
