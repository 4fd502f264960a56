"""Subscribable mailing lists: people join them by mail, by the panel or by somebody's hand, and mlmmj sends the mail.

A list is two things: rows of the accounts, by which Postfix accepts its address, and a directory of mlmmj's, in which
small files say how it behaves and who its subscribers are. mlmmj may run on another host, behind an HTTP API.
"""
