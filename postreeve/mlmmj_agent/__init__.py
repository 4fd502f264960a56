"""`postreeve mlmmj-agent`: mlmmj of this host for programs on others, behind mlmmjadmin's HTTP API.

iRedMail puts mlmmjadmin there; the agent stands in for it. Our own server asks it when mlmmj runs elsewhere, iRedAPD
asks it whether a sender is subscribed, and so may older scripts. What mlmmjadmin ignores in silence the agent refuses.
It is one process, so that lists have one writer at a time.
"""
