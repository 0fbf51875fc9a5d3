"""Every rule of behaviour that the fake unMTA keeps to, and where each comes from.

Statements only: what enforces a rule names it with `obeys`, so that a test can tell a rule that
nothing keeps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, what it says, and whether the API's text says it or we assume it."""

    id: str
    statement: str
    source: Literal["text", "assumption"]


KEPT_BY: dict[Rule, list[str]] = {}
"""For each rule the functions that keep it."""


def obeys(*rules: Rule) -> Callable[[Function], Function]:
    """Mark a function as one that keeps these rules; the function itself is left alone."""

    def mark(function: Function) -> Function:
        for rule in rules:
            KEPT_BY.setdefault(rule, []).append(function.__qualname__)
        return function

    return mark


def _text(identity: str, statement: str) -> Rule:
    return Rule(identity, statement, "text")


def _assumed(identity: str, statement: str) -> Rule:
    return Rule(identity, statement, "assumption")


AUTH_BEARER = _text(
    "auth.bearer",
    "A request whose bearer token is not the active one gets `Unauthenticated.`, a 401.",
)
AUTH_ONE_TOKEN = _text("auth.one-token", "Issuing a token revokes the one before it at once.")
AUTH_NO_EXPIRY = _text("auth.no-expiry", "A token works until it is revoked, however old it is.")
AUTH_FIRST = _assumed(
    "auth.first", "The token is looked at before the route, the cluster and the body."
)
AUTH_LOGIN_PAGE = _assumed(
    "auth.login-page",
    "An unauthenticated request that asks for a page (`Accept: text/html`) is redirected: 302.",
)

ANSWER_DATA = _text("answers.data", "A result stands under `data`; a list is an array there.")
ANSWER_NOT_FOUND = _text("answers.not-found", "What is not there is a 404, `Not Found`.")
ANSWER_INVALID = _text(
    "answers.invalid",
    "A body that breaks a rule is a 422 with a `message`, and `errors`: messages for each field.",
)
ANSWER_MESSAGE = _assumed(
    "answers.message",
    "The `message` of a 422 is its first error, and behind it the number of the others, if any.",
)
ANSWER_NESTED = _assumed(
    "answers.nested", "An error about an item of a list is keyed by its position: `domains.0`."
)
ANSWER_TIMES = _text("answers.times", "Times are ISO 8601 in UTC: `…T10:30:00Z`.")
ANSWER_UNKNOWN_ROUTE = _assumed(
    "answers.unknown-route", "A path that no operation has is answered like a missing resource."
)
ANSWER_WRONG_METHOD = _assumed(
    "answers.wrong-method", "A method that a known path does not have is a 405, in JSON."
)

REQUEST_CLUSTER_FIRST = _assumed(
    "requests.cluster-first", "An unknown cluster is a 404, whatever the body."
)
REQUEST_NOT_JSON = _assumed(
    "requests.not-json",
    "A body that is no JSON object, or is not declared as JSON, counts as an empty object.",
)
REQUEST_EMPTY = _assumed(
    "requests.empty",
    "For a required field null, an empty string and an empty list count as missing.",
)
REQUEST_STRICT = _assumed(
    "requests.strict",
    "Types are not converted: a flag is true or false, a list an array of strings, null neither.",
)
REQUEST_RATE = _assumed(
    "requests.rate",
    "Where there is a rate limit, requests above it get a 429 with `Retry-After`, before anything"
    " else is looked at; what is allowed for a second may come at once, and every answer tells how"
    " much of that is left.",
)
REQUEST_EXTRA = _assumed("requests.extra", "Fields that the operation does not know are ignored.")

CLUSTER_LIST = _text(
    "clusters.list",
    "The list shows every cluster, with its message rate per MTA, which is null for no limit.",
)
MTA_LIST = _text("mtas.list", "The list shows a cluster's MTAs with the addresses they send from.")
MTA_NULLABLE = _assumed("mtas.nullable", "An MTA that lacks IPv6 or a reverse name shows null.")

DOMAIN_FQDN = _text("domains.fqdn", "A name is a fully qualified domain name.")
DOMAIN_NOT_IP = _text("domains.not-ip", "A name is not an IP address.")
DOMAIN_TLD = _text(
    "domains.tld",
    "A name does not end in localhost, local, test, invalid, example or localdomain.",
)
DOMAIN_UNIQUE = _text("domains.unique", "A cluster has a name once.")
DOMAIN_PATH_CASE = _text("domains.path-case", "In a path the name is found in any case.")
DOMAIN_CASE = _assumed(
    "domains.case", "Names that differ in case only are one name, kept and shown in lower case."
)
DOMAIN_WIRE_FORM = _assumed(
    "domains.wire-form",
    "A name has two or more labels of letters, digits and inner hyphens, 63 characters at most, 253"
    " in all; the last label is no number, and no dot follows it.",
)
DOMAIN_ASCII = _assumed(
    "domains.ascii", "An internationalized name comes as A-labels (`xn--…`); others are refused."
)
DOMAIN_PENDING = _text("domains.pending", "A new domain is `pending`.")
DOMAIN_RECORDS = _text(
    "domains.records",
    "Creating and getting a domain show its DNS records, DKIM and DMARC; a list does not.",
)
DOMAIN_OWN_KEY = _text("domains.own-key", "Each domain of each cluster has a DKIM key of its own.")
DOMAIN_KEY = _assumed(
    "domains.key", "A DKIM key is RSA with 2048 bits and is published as `p=` and its base64."
)
DOMAIN_NEW_KEY = _assumed("domains.new-key", "A name that is deleted and added anew has a new key.")
DOMAIN_STATUS = _assumed(
    "domains.status",
    "A status changes only by command or by the verification policy.",
)
DOMAIN_DNS = _assumed(
    "domains.dns",
    "By the policy `dns` a pending domain turns verified once one of the TXT records at the name of"
    " its DKIM record has its key in the tag `p`; DMARC is not looked at, and verified it stays.",
)
DOMAIN_DNS_LOOKS = _assumed(
    "domains.dns-looks",
    "By the policy `dns` the DNS is looked at when pending domains are listed or got: for each at"
    " once, and then every 5 seconds at most.",
)
DOMAIN_DELETE = _text(
    "domains.delete", "A domain is deleted at once and for good: 204, without a body."
)
DOMAIN_NO_CASCADE = _assumed(
    "domains.no-cascade", "Deleting a domain leaves the credentials that name it as they are."
)

USER_CHARACTERS = _text(
    "credentials.user-characters", "A user consists of letters, digits and `+ = , . @ _ -`."
)
USER_LENGTH = _text("credentials.user-length", "A user has 255 characters at most.")
USER_UNIQUE = _text("credentials.user-unique", "A cluster has a user once.")
USER_CASE = _assumed("credentials.user-case", "Users that differ in case are two users.")
CREDENTIAL_DEFAULTS = _text(
    "credentials.defaults",
    "Unless told otherwise, no domain is allowed by itself, and every IP is.",
)
CREDENTIAL_DOMAINS = _text(
    "credentials.domains", "`domains` is required unless `allow_all_domains` is true."
)
CREDENTIAL_IPS = _text("credentials.ips", "`allowed_ips` is required if `allow_all_ips` is false.")
CREDENTIAL_LIST_ALONE = _assumed(
    "credentials.list-alone",
    "On creation `allowed_ips` alone leaves `allow_all_ips` at its default, true; only an update "
    "draws a conclusion from the list.",
)
CREDENTIAL_DOMAIN_NAMES = _assumed(
    "credentials.domain-names",
    "Allowed domains obey the rules for names, in lower case; the cluster need not have them.",
)
CREDENTIAL_IP_FORMS = _text("credentials.ip-forms", "Allowed IPs are addresses or CIDR ranges.")
CREDENTIAL_IP_LENIENT = _assumed(
    "credentials.ip-lenient",
    "Allowed IPs are v4 or v6, may have bits set behind a range's prefix, and are shown as given.",
)
PASSWORD_ONCE = _text(
    "credentials.password-once",
    "Creating a credential shows its password beside `data`, this once.",
)
PASSWORD_HASHED = _assumed("credentials.password-hashed", "A password is kept only as a hash.")
UPDATE_PRESENCE = _text(
    "credentials.update-presence",
    "Updating `domains` without `allow_all_domains` sets that to false, and so it is with IPs.",
)
UPDATE_KEEPS = _assumed(
    "credentials.update-keeps",
    "What an update does not give stays as it is: the password, or a list that a flag overrides.",
)
UPDATE_REQUIRED = _assumed(
    "credentials.update-required",
    "An update may not leave a credential restricted to an empty list.",
)
UPDATE_TIME = _assumed(
    "credentials.update-time", "An update sets `updated_at` and nothing else does."
)
CREDENTIAL_DELETE = _text(
    "credentials.delete", "A credential is deleted at once: 204, without a body."
)

RULES: tuple[Rule, ...] = tuple(value for value in vars().values() if isinstance(value, Rule))
