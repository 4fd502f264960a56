"""Every message code with its English sentence, and `refuse`, the only way to say no."""

from enum import Enum
from http import HTTPStatus
from typing import NoReturn


class Code(Enum):
    """A message code: the name is what the API sends in `_msg`, the value is the sentence that people read."""

    INVALID_USERNAME = "The user name is not an e-mail address."
    EMPTY_PASSWORD = "The password is empty."  # noqa: S105 - a sentence
    INVALID_CREDENTIALS = "User name or password is wrong."
    LOGIN_REQUIRED = "Please log in first."
    SESSION_EXPIRED = "The session has expired, please log in again."
    NOT_AUTHORIZED = "This client address may not use the API."
    NOT_ALLOWED_IP = "Global admins may not log in from this address."
    TOO_MANY_ATTEMPTS = "Too many attempts, please wait."
    PERMISSION_DENIED = "You are not allowed to do this."
    PROTECTED_ACCOUNT = "The last global admin and your own account are protected from this."

    ALREADY_EXISTS = "This address or domain name is in use."
    CHANGED_MEANWHILE = "Somebody else has changed this since you opened it."
    NO_SUCH_ACCOUNT = "There is no such account."
    NO_SUCH_DOMAIN = "There is no such domain."
    NO_SUCH_MAIL = "There is no such mail in the quarantine."
    NOT_RELEASED = "Amavisd did not release the mail."
    CAN_NOT_BE_LOCAL_DOMAIN = "A standalone admin must not lie in a domain that is hosted here."

    INVALID_DOMAIN_NAME = "This is not a domain name."
    INVALID_MAIL = "This is not an e-mail address."
    INVALID_ACCOUNT = "This is neither a domain name nor an e-mail address."
    INVALID_ADMIN = "This account can not be an admin here."
    INVALID_NUMBER = "This is not a number in the allowed range."
    INVALID_VALUE = "This value is not allowed."
    CONFLICTING_PARAMETERS = "These parameters exclude each other."
    MISSING_PARAMETER = "A parameter is missing."

    CONFIRMATION_EXPIRED = "This link is not valid, or not any more: please ask for a new one."
    OWNERSHIP_NOT_PROVED = "The code that proves the ownership is neither in the DNS nor on the web server."

    INVALID_PASSWORD_SCHEME = "The password hash has a scheme that Dovecot does not read."  # noqa: S105 - a sentence
    INCORRECT_OLDPW = "The present password is wrong."
    PW_MISMATCH = "The two passwords differ."
    PW_EMPTY = "The new password is empty."
    PW_NON_ASCII = "The password may contain printable ASCII characters only."
    PW_SHORTER_THAN_MIN_LENGTH = "The password is too short."
    PW_GREATER_THAN_MAX_LENGTH = "The password is too long."
    PW_NO_LETTER = "The password needs a letter."
    PW_NO_UPPERCASE = "The password needs an upper-case letter."
    PW_NO_DIGIT_NUMBER = "The password needs a digit."
    PW_NO_SPECIAL_CHAR = "The password needs a special character."

    NOT_ALLOWED = "Creating such accounts is switched off in this domain."
    EXCEEDED_DOMAIN_ACCOUNT_LIMIT = "The domain has as many such accounts as it may."
    EXCEEDED_DOMAIN_QUOTA_SIZE = "The domain's quota does not allow this mailbox quota."
    EXCEED_LIMIT_DOMAIN = "You have created as many domains as you may."
    EXCEED_LIMIT_QUOTA = "You have given out as much quota as you may."
    EXCEED_LIMIT_USERS = "You have created as many users as you may."
    EXCEED_LIMIT_ALIASES = "You have created as many aliases as you may."
    EXCEED_LIMIT_LISTS = "You have created as many mailing lists as you may."

    NOT_AVAILABLE = "This is not available on this server."
    NO_SUCH_OPERATION = "There is no such operation."
    METHOD_NOT_ALLOWED = "This path does not know that method."
    REQUEST_TOO_LARGE = "The request is too large."
    REQUEST_INCOMPLETE = "The rest of the request did not arrive."
    SERVICE_UNAVAILABLE = "A database does not answer, please try again."
    MAIL_SERVICE_UNAVAILABLE = "The mail can not be sent now, please try again."
    MAILING_LIST_SERVICE_UNAVAILABLE = "The mailing list service does not answer, please try again."
    RELEASE_SERVICE_UNAVAILABLE = "Amavisd, which releases mails, does not answer, please try again."
    INTERNAL_ERROR = "Something went wrong on the server; the administrator finds it in the log."


_CODES_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: (Code.INVALID_CREDENTIALS, Code.LOGIN_REQUIRED, Code.SESSION_EXPIRED),
    HTTPStatus.FORBIDDEN: (
        Code.INCORRECT_OLDPW,
        Code.NOT_AUTHORIZED,
        Code.NOT_ALLOWED_IP,
        Code.PERMISSION_DENIED,
        Code.PROTECTED_ACCOUNT,
        Code.NOT_ALLOWED,
        Code.EXCEEDED_DOMAIN_ACCOUNT_LIMIT,
        Code.EXCEEDED_DOMAIN_QUOTA_SIZE,
        Code.EXCEED_LIMIT_DOMAIN,
        Code.EXCEED_LIMIT_QUOTA,
        Code.EXCEED_LIMIT_USERS,
        Code.EXCEED_LIMIT_ALIASES,
        Code.EXCEED_LIMIT_LISTS,
    ),
    HTTPStatus.NOT_FOUND: (
        Code.NO_SUCH_ACCOUNT,
        Code.NO_SUCH_DOMAIN,
        Code.NO_SUCH_MAIL,
        Code.NO_SUCH_OPERATION,
        Code.CONFIRMATION_EXPIRED,
        Code.NOT_AVAILABLE,
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (Code.METHOD_NOT_ALLOWED,),
    HTTPStatus.CONFLICT: (Code.ALREADY_EXISTS, Code.CHANGED_MEANWHILE),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (Code.REQUEST_TOO_LARGE,),
    HTTPStatus.REQUEST_TIMEOUT: (Code.REQUEST_INCOMPLETE,),
    HTTPStatus.BAD_REQUEST: (Code.CONFLICTING_PARAMETERS, Code.MISSING_PARAMETER),
    HTTPStatus.TOO_MANY_REQUESTS: (Code.TOO_MANY_ATTEMPTS,),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        Code.SERVICE_UNAVAILABLE,
        Code.MAIL_SERVICE_UNAVAILABLE,
        Code.MAILING_LIST_SERVICE_UNAVAILABLE,
        Code.RELEASE_SERVICE_UNAVAILABLE,
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (Code.INTERNAL_ERROR,),
}
_STATUSES = {code: status for status, codes in _CODES_BY_STATUS.items() for code in codes}


def true_status(code: Code) -> HTTPStatus:
    """Return the HTTP status of a refusal for clients that ask for true ones; wrong values are 422."""
    return _STATUSES.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The request is refused; nothing has been changed."""

    def __init__(self, codes: tuple[Code, ...], hint: str = "", retry_after: int | None = None) -> None:
        super().__init__(",".join(code.name for code in codes))
        self.codes = codes
        self.hint = hint
        self.retry_after = retry_after


def refuse(*codes: Code, hint: str = "", retry_after: int | None = None) -> NoReturn:
    """Refuse the request with one code, or with several of the password policy.

    `hint` says in plain words what is meant, such as the parameter's name; it never repeats a secret.
    `retry_after` is in seconds.
    """
    raise Refused(codes, hint, retry_after)
