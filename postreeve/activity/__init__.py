"""The activity log: one line in `iredadmin.log` for every change, an intent before the commit, confirmed after it."""
