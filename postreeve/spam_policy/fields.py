"""The parameters of a spam policy."""

import re

from postreeve.errors import Code, refuse
from postreeve.fields import YES_NO, Field, FieldSet, Kind, text
from postreeve.shapes import Column, Several

HIGHEST_SCORE = 1000


def _score(given: str) -> float:
    """Read a score as SpamAssassin counts, such as `6.2`."""
    if not re.fullmatch(r"-?[0-9]{1,4}(\.[0-9]{1,3})?", given) or abs(float(given)) > HIGHEST_SCORE:
        refuse(
            Code.INVALID_NUMBER, hint=f"A number from -{HIGHEST_SCORE} to {HIGHEST_SCORE}, with up to three decimals."
        )
    return float(given)


SCORE = Kind(_score, {"type": "number", "minimum": -HIGHEST_SCORE, "maximum": HIGHEST_SCORE})
RULE_NAMES = text(64, r"^([A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*)?$")

BYPASS_SPAM = Field(
    "bypass_spam_checks", YES_NO, "Do not check for spam: no score, no headers.", sql=Column("bypass_spam_checks")
)
BYPASS_VIRUS = Field("bypass_virus_checks", YES_NO, "Do not check for viruses.", sql=Column("bypass_virus_checks"))
BYPASS_BANNED = Field(
    "bypass_banned_checks", YES_NO, "Do not check for forbidden attachments.", sql=Column("bypass_banned_checks"),
    title="Bypass checks of attachments",
)  # fmt: skip
BYPASS_HEADER = Field(
    "bypass_header_checks", YES_NO, "Do not check for bad headers.", sql=Column("bypass_header_checks")
)
QUARANTINE_SPAM = Field(
    "quarantine_spam", YES_NO, "Put spam into the quarantine; `no` delivers it.",
    sql=Several(("spam_lover", "spam_quarantine_to")),
)  # fmt: skip
QUARANTINE_VIRUS = Field(
    "quarantine_virus", YES_NO, "Put mail with a virus into the quarantine; `no` delivers it.",
    sql=Several(("virus_lover", "virus_quarantine_to")), title="Quarantine viruses",
)  # fmt: skip
QUARANTINE_BANNED = Field(
    "quarantine_banned", YES_NO, "Put mail with a forbidden attachment into the quarantine; `no` delivers it.",
    sql=Several(("banned_files_lover", "banned_quarantine_to")), title="Quarantine forbidden attachments",
)  # fmt: skip
QUARANTINE_BAD_HEADER = Field(
    "quarantine_bad_header", YES_NO, "Put mail with a bad header into the quarantine; `no` delivers it.",
    sql=Several(("bad_header_lover", "bad_header_quarantine_to")), title="Quarantine bad headers",
)  # fmt: skip
PREFIX_SUBJECT = Field(
    "prefix_spam_in_subject", YES_NO, "Put a word before the subject of spam.", sql=Several(("spam_subject_tag2",)),
    title="Mark spam in the subject",
)  # fmt: skip
INSERT_HEADERS = Field(
    "always_insert_x_spam_headers", YES_NO,
    "Put X-Spam headers with score and rules into every mail, to find out how spam is recognised.",
    sql=Several(("spam_tag_level",)), title="Always add X-Spam headers",
)  # fmt: skip
SPAM_SCORE = Field(
    "spam_score", SCORE, "Score from which mail is spam.", sql=Several(("spam_tag2_level", "spam_kill_level"))
)
BANNED_RULES = Field(
    "banned_rulenames", RULE_NAMES, "Names of Amavisd's rules for attachments, with commas; empty for the usual ones.",
    sql=Column("banned_rulenames"), title="Rules for attachments",
)  # fmt: skip

SPAM_POLICY = FieldSet(
    "spampolicy",
    BYPASS_SPAM, BYPASS_VIRUS, BYPASS_BANNED, BYPASS_HEADER,
    QUARANTINE_SPAM, QUARANTINE_VIRUS, QUARANTINE_BANNED, QUARANTINE_BAD_HEADER,
    PREFIX_SUBJECT, INSERT_HEADERS, SPAM_SCORE, BANNED_RULES,
)  # fmt: skip
