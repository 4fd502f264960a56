"""What the mail log and the quarantine ask of who wants to look."""
