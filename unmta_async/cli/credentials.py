"""`unmta credentials`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import attrs
from cyclopts import App, Parameter

from .. import to_dict
from ..errors import UsageError
from ..models import Credential
from ..provisioning import (
    ClusterSpec,
    CommandSink,
    CredentialSpec,
    Manifest,
    ManifestError,
    PasswordStore,
    Plan,
    apply,
    grant,
    make_plan,
    rotate,
)
from .deleting import delete_all, deletions
from .dry_run import show_dry_run
from .failures import DONE, USAGE, CommandError
from .names import for_cluster
from .options import Bulk, Changing, InCluster, Yes
from .output import View, note, show, show_one
from .passwords import Passwords, ShowPassword, accounted, opened
from .prompt import confirm_deletion
from .session import chosen_cluster, connected
from .stores import Storing

if TYPE_CHECKING:
    from ..client import UnmtaClient

app = App(
    name="credentials",
    help="SMTP credentials.",
    help_epilogue="""\
Examples:
  $ unmta credentials list
  $ unmta credentials create webapp --domain example.com --store passwords.db
  $ unmta credentials rotate webapp --new-user webapp-2 --store passwords.db
""",
)

_COLUMNS: Final[Mapping[str, Callable[[Credential], object]]] = {
    "user": lambda it: it.user,
    "domains": lambda it: "all" if it.allow_all_domains else it.domains,
    "ips": lambda it: "all" if it.allow_all_ips else it.allowed_ips,
    "created": lambda it: it.created_at,
}
_VIEW: Final = View[Credential](columns=_COLUMNS, record=to_dict)

User: TypeAlias = Annotated[str, Parameter(metavar="USER")]
Domains: TypeAlias = Annotated[
    tuple[str, ...], Parameter(name="--domain", metavar="DOMAIN", show_default=False)
]
Ips: TypeAlias = Annotated[
    tuple[str, ...], Parameter(name="--ip", metavar="IP", show_default=False)
]


@app.command(
    name="list",
    help_epilogue="""\
Examples:
  $ unmta credentials list
  $ unmta credentials list --output csv > credentials.csv
  $ unmta credentials list --output json | jq -r '.[].user'
""",
)
async def list_(*, common: InCluster = InCluster()) -> None:
    """List the SMTP credentials of a cluster; passwords are never among them."""
    async with connected(common) as client:
        cluster = await chosen_cluster(client, common)
        credentials = await client.credentials.list(cluster)
    show(credentials, _VIEW, common.output)
    if not credentials:
        note(f"No credentials in {cluster}.", quiet=common.quiet)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta credentials create webapp --domain example.com --store passwords.db
  $ unmta credentials create batch --all-domains --ip 203.0.113.0/24 \\
      --store passwords.jsonl
  $ unmta credentials create ci --all-domains --show-password |
      vault kv put secret/ci password=-
"""
)
async def create(
    user: User,
    /,
    *,
    domain: Domains = (),
    all_domains: bool = False,
    ip: Ips = (),
    storing: Storing = Storing(),
    show_password: ShowPassword = False,
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> None:
    """Create an SMTP credential, and keep its password.

    unMTA chooses the password and shows it once. It is in the file before anybody hears of it.

    Args:
        user: The SMTP user name: up to 255 letters, digits and any of + = , . @ _ -
        domain: A domain that it may send from; may be given several times.
        all_domains: Let it send from every domain of the cluster, later ones too.
        ip: An address or CIDR range that it may connect from; all if none is given.
        storing: Where the password goes.
        show_password: Write the password to stdout, and nothing else; it is kept nowhere.
        changing: Whether to change anything.
        common: The common options.
    """
    if bool(domain) is all_domains:
        raise CommandError("give either --domain, once or more, or --all-domains", USAGE)
    spec = CredentialSpec(
        user=user, domains=None if all_domains else domain, allowed_ips=ip or None
    )
    _checked(spec)
    passwords = Passwords(storing, show_password)
    async with opened(passwords, changing) as store, connected(common) as client:
        cluster = await chosen_cluster(client, common)
        plan = await make_plan(client, _wish(cluster, spec))
        await _refuse_existing(plan, store, passwords)
        if changing.dry_run:
            show_dry_run(plan, common)
            return
        async with accounted(user, passwords, store) as watched:
            created = await _created(client, plan, watched)
    _show_created(created, passwords, common)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta credentials update webapp --domain example.com --domain example.net
  $ unmta credentials update webapp --all-domains
  $ unmta credentials update batch --ip 203.0.113.0/24 --dry-run
"""
)
async def update(
    user: User,
    /,
    *,
    domain: Domains = (),
    all_domains: bool = False,
    ip: Ips = (),
    all_ips: bool = False,
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> None:
    """Change what an SMTP credential is good for.

    What is not given stays as it is; a list takes the place of the old one. To add to a list, use
    `unmta credentials grant`. The password stays.

    Args:
        user: The SMTP user name.
        domain: A domain that it may send from, in place of the present ones.
        all_domains: Let it send from every domain of the cluster, later ones too.
        ip: An address or CIDR range that it may connect from, in place of the present ones.
        all_ips: Let it connect from any address.
        changing: Whether to change anything.
        common: The common options.
    """
    _refuse_both("domain", domain, all_domains)
    _refuse_both("ip", ip, all_ips)
    if not (domain or all_domains or ip or all_ips):
        raise CommandError(
            "nothing to change: give --domain, --all-domains, --ip or --all-ips", USAGE
        )
    spec = CredentialSpec(user=user, domains=domain or None, allowed_ips=ip or None)
    _checked(spec)
    async with connected(common) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            old = _spec(_find(await client.credentials.list(cluster), cluster, user))
            wished = attrs.evolve(
                spec,
                domains=spec.domains if domain or all_domains else old.domains,
                allowed_ips=spec.allowed_ips if ip or all_ips else old.allowed_ips,
            )
            plan = await make_plan(client, _wish(cluster, wished))
            show_dry_run(plan, common)
            return
        updated = await client.credentials.update(
            cluster,
            user,
            allow_all_domains=all_domains or None,
            domains=domain or None,
            allow_all_ips=all_ips or None,
            allowed_ips=ip or None,
        )
    show_one(updated, _VIEW, common.output)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta credentials delete webapp
  $ unmta credentials delete old-1 old-2 --yes
"""
)
async def delete(
    user: Annotated[tuple[str, ...], Parameter(metavar="USER")],
    /,
    *,
    yes: Yes = False,
    bulk: Bulk = Bulk(),
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> int:
    """Delete SMTP credentials, at once.

    Whatever still signs in with them can send no more mail.

    Args:
        user: The SMTP user names.
        yes: Do not ask first.
        bulk: How much to do at a time.
        changing: Whether to change anything.
        common: The common options.
    """
    users = tuple(dict.fromkeys(user))
    async with connected(common, concurrency=bulk.concurrency) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            existing = {each.user for each in await client.credentials.list(cluster)}
            show_dry_run(deletions("credential", cluster, users, existing=existing), common)
            return DONE
        confirm_deletion("credential", users, cluster, yes=yes)
        return await delete_all(client, deletions("credential", cluster, users), bulk, common)


@app.command(
    name="grant",
    help_epilogue="""\
Examples:
  $ unmta credentials grant webapp --domain shop.example.com
  $ unmta credentials grant webapp --domain shop.example.com --dry-run
  $ unmta credentials grant batch --ip 198.51.100.7
""",
)
async def grant_(
    user: User,
    /,
    *,
    domain: Domains = (),
    ip: Ips = (),
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> None:
    """Let an SMTP credential send from more domains, or connect from more addresses.

    What is open for all stays so. Two who grant at the same time can lose one another's addition.

    Args:
        user: The SMTP user name.
        domain: A domain to add; may be given several times.
        ip: An address or CIDR range to add; may be given several times.
        changing: Whether to change anything.
        common: The common options.
    """
    if not (domain or ip):
        raise CommandError("nothing to add: give --domain or --ip", USAGE)
    _checked(CredentialSpec(user=user, domains=domain or None, allowed_ips=ip or None))
    async with connected(common) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            old = _spec(_find(await client.credentials.list(cluster), cluster, user))
            wished = attrs.evolve(
                old,
                domains=None if old.domains is None else (*old.domains, *domain),
                allowed_ips=None if old.allowed_ips is None else (*old.allowed_ips, *ip),
            )
            plan = await make_plan(client, _wish(cluster, wished))
            show_dry_run(plan, common)
            return
        granted = await grant(client, cluster, user, domains=domain, ips=ip)
    show_one(granted, _VIEW, common.output)


@app.command(
    name="rotate",
    help_epilogue="""\
Examples:
  $ unmta credentials rotate webapp --new-user webapp-2 --store passwords.db
  $ unmta credentials rotate webapp --new-user webapp-3 --store passwords.db \\
      --delete-old --yes
""",
)
async def rotate_(
    user: User,
    /,
    *,
    new_user: Annotated[str, Parameter(metavar="USER")],
    delete_old: bool = False,
    yes: Yes = False,
    storing: Storing = Storing(),
    show_password: ShowPassword = False,
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> None:
    """Make an SMTP credential that may do what another one may, with a new password.

    unMTA cannot change a password: it takes a new user. Both work until the old one is deleted.

    Args:
        user: The SMTP user name of the credential to be replaced.
        new_user: The SMTP user name of the new one.
        delete_old: Delete the old one, once the new password is kept.
        yes: Do not ask before that.
        storing: Where the password goes.
        show_password: Write the password to stdout, and nothing else; it is kept nowhere.
        changing: Whether to change anything.
        common: The common options.
    """
    passwords = Passwords(storing, show_password)
    async with opened(passwords, changing) as store, connected(common) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            plan = await _rotation(client, cluster, user, new_user, delete_old=delete_old)
            show_dry_run(plan, common)
            return
        if delete_old:
            confirm_deletion("credential", [user], cluster, yes=yes)
        async with accounted(new_user, passwords, store) as watched:
            created = await rotate(
                client, cluster, user, new_user=new_user, store=watched, delete_old=delete_old
            )
    _show_created(created.credential, passwords, common)
    if not delete_old:
        note(
            f"{user} still works. When nothing uses it any more:\n"
            f"  unmta credentials delete {user}{for_cluster(common)}",
            quiet=common.quiet,
        )


def _show_created(created: Credential, passwords: Passwords, common: InCluster) -> None:
    """Write a credential to stdout; if the password is there already, to stderr in a line."""
    if passwords.is_shown:
        note(f"Created {created.user}. Its password is not shown again.", quiet=common.quiet)
        return
    place = passwords.place
    view = View[Credential](
        columns={**_COLUMNS, "password": lambda _: f"in {place}"},
        record=lambda it: {**to_dict(it), "password_store": place},
    )
    show_one(created, view, common.output)


def _checked(spec: CredentialSpec) -> None:
    """Refuse what could be no credential, in words about the options.

    Raises:
        UsageError: It tells of all that is wrong.
    """
    try:
        _wish("any", spec)
    except ManifestError as error:
        faults = "\n".join(fault.message for fault in error.faults)
    else:
        return
    raise UsageError(faults)


def _wish(cluster: str, spec: CredentialSpec) -> Manifest:
    return Manifest({cluster: ClusterSpec(credentials=(spec,))})


async def _refuse_existing(plan: Plan, store: PasswordStore, passwords: Passwords) -> None:
    """Refuse to create a credential that exists.

    Raises:
        CommandError: It exists; perhaps it was created here, and its password did not arrive.
    """
    [action] = plan.actions
    if action.verb == "create":
        return
    user, cluster = action.target, action.cluster
    message = f"the cluster {cluster} has a credential {user} already"
    if any((each.cluster, each.user) == (cluster, user) for each in await store.lost()):
        raise CommandError(
            f"{message}, and the store waits for its password, which did not arrive: unless "
            f"something uses it, run `unmta credentials delete {user}` and create it again"
        )
    if isinstance(store, CommandSink):
        await store.deliver()
        message += f", and what --sink had not taken of {passwords.place} has been handed to it now"
    raise CommandError(
        f"{message}: `unmta credentials update {user}` changes what it may do, `unmta credentials "
        f"rotate {user}` gives a new password"
    )


async def _created(client: UnmtaClient, plan: Plan, store: PasswordStore) -> Credential:
    """Carry out a plan that creates one credential.

    Raises:
        UnmtaError: It was not created, or may have been.
    """
    async with aclosing(apply(client, plan, store=store)) as run:
        [outcome] = [outcome async for outcome in run]
    if outcome.error is not None:
        raise outcome.error
    if isinstance(outcome.resource, Credential):
        return outcome.resource
    # The answer was broken, and yet the password was in it.
    cluster, user = outcome.action.cluster, outcome.action.target
    return _find(await client.credentials.list(cluster), cluster, user)


async def _rotation(
    client: UnmtaClient, cluster: str, user: str, new_user: str, *, delete_old: bool
) -> Plan:
    """Return what rotating would do.

    Raises:
        UsageError: The old one is missing, or the new one is there.
    """
    listed = await client.credentials.list(cluster)
    old = _find(listed, cluster, user)
    if any(each.user == new_user for each in listed):
        raise UsageError(f"the cluster {cluster} has a credential {new_user} already")
    spec = attrs.evolve(_spec(old), user=new_user)
    _checked(spec)
    plan = await make_plan(client, _wish(cluster, spec))
    gone = deletions("credential", cluster, [user] if delete_old else [], existing={user})
    return Plan((*plan.actions, *gone.actions), plan.warnings)


def _spec(credential: Credential) -> CredentialSpec:
    return CredentialSpec(
        user=credential.user,
        domains=None if credential.allow_all_domains else credential.domains,
        allowed_ips=None if credential.allow_all_ips else credential.allowed_ips,
    )


def _find(listed: Sequence[Credential], cluster: str, user: str) -> Credential:
    """Return a user's credential.

    Raises:
        UsageError: There is none.
    """
    for each in listed:
        if each.user == user:
            return each
    raise UsageError(f"the cluster {cluster} has no credential {user!r}")


def _refuse_both(option: str, listed: tuple[str, ...], is_open: bool) -> None:
    if listed and is_open:
        raise CommandError(f"give --{option} or --all-{option}s, not both", USAGE)
