"""Mailboxes whose users are deleted: their files are kept for as long as the admin said, and then removed."""
