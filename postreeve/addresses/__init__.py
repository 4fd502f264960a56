"""Addresses across all kinds of accounts: which are in use, which are ours, and what an admin may name."""
