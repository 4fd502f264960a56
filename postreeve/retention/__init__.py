"""How long things are kept that nobody needs for ever: lines of the log, sessions, mails that Amavisd has looked at."""
