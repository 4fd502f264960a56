"""All jobs, with how often each runs; cron, timers, `job all` and `serve --with-jobs` go by this table."""

from postreeve.jobs import cleanup, delete_mailboxes, pending, spf_whitelist, verify_domains
from postreeve.jobs.running import Job, Schedule

_DAY = 24 * 60
JOBS = (
    Job(
        "pending", "Settle what a crash or an outage left open", pending.job,
        Schedule(5, "*/5 * * * *", "*:0/5"),
    ),
    Job(
        "verify-domains", "Look for the proofs of ownership that domains wait for", verify_domains.job,
        Schedule(15, "7-59/15 * * * *", "*:7/15"),
    ),
    Job(
        "spf-whitelist", "Ask the DNS which servers send the mail of the domains that are not greylisted",
        spf_whitelist.job, Schedule(6 * 60, "13 */6 * * *", "0/6:13"), needs=frozenset({"iredapd"}),
    ),
    Job(
        "cleanup", "Remove what is kept for a time only", cleanup.job,
        Schedule(_DAY, "40 1 * * *", "01:40"),
    ),
    Job(
        "delete-mailboxes", "Remove mailboxes of deleted users whose date has come", delete_mailboxes.job,
        Schedule(_DAY, "10 2 * * *", "02:10"), touches_mailboxes=True,
    ),
)  # fmt: skip
BY_NAME = {job.name: job for job in JOBS}
