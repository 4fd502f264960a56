"""What an admin sees first: how much there is, what is new, how mail flows, and what has to be looked at."""
