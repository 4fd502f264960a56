"""The law of the panel: whatever can be changed through the API has its input on a page, or a reason why not."""

from postreeve import app  # noqa: F401 - registers all operations and pages
from postreeve.admins import pages as admins
from postreeve.aliases import pages as aliases
from postreeve.domains import pages as domains
from postreeve.greylisting.fields import QUERY_NOW, SENDERS, SPF_DOMAINS, STATUS
from postreeve.operations import REGISTRY
from postreeve.self_service import pages as self_service
from postreeve.site_settings import pages as site_settings
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.subscribable_lists import pages as lists
from postreeve.throttle.fields import THROTTLE
from postreeve.unsubscribable_lists import pages as maillists
from postreeve.users import pages as users

SECTIONS = (
    *admins.SECTIONS, *aliases.SECTIONS, *domains.SECTIONS, *lists.SECTIONS, *maillists.SECTIONS,
    *self_service.SECTIONS, *site_settings.KNOWN, *users.SECTIONS,
)  # fmt: skip
IN_FORMS = (
    *(of for section in SECTIONS for of in section.fields), *THROTTLE, *SPAM_POLICY,
    STATUS, SENDERS, SPF_DOMAINS, QUERY_NOW, *lists.ADDING,
)  # fmt: skip
OTHERWISE = {
    "addresses": "the two inputs of the page of white and black lists, which names the list in its path",
    "action": "the buttons of the quarantine",
    "list": "the buttons of the quarantine",
    "scope": "the buttons put the sender on the recipients' own lists; others have pages of their own",
    "recipients": "the page releases and deletes a mail for all recipients that one may see",
    "ids": "the marks of the admin log",
    "to": "the marks of the admin log; a job deletes what is old",
    "aliasDomain": "a button beside each domain that waits",
    "without_proof": "a button for global admins beside each domain that waits",
    "reset": "the marks beside what differs from the settings file",
    "subscribers": "a new list gets its subscribers on the page that follows",
    "keep_archive": "the question before a list is deleted",
    "archive": "without effect",
}
"""What is asked for in another way than by an input of its own, and how."""


def test_every_parameter_has_its_input_on_a_page() -> None:
    shown = {id(of) for of in IN_FORMS}
    missing = {
        of.name for operation in REGISTRY.values() if operation.event for of in operation.fields if id(of) not in shown
    }
    assert missing == set(OTHERWISE)
