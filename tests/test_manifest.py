"""Manifests: the same checks and the same normal form wherever they come from, and back to text."""

from __future__ import annotations

import copy
import ipaddress
import json
import pickle

import attrs
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from unmta_async import NotFoundError, UnmtaClient, UsageError
from unmta_async._generated import parameters
from unmta_async.provisioning.manifest import (
    ClusterSpec,
    CredentialSpec,
    Manifest,
    ManifestError,
    ManifestFault,
)
from unmta_async.provisioning.manifest import _names as names
from unmta_async.sandbox import Sandbox

CLUSTER = "a1b2c3d4"
OTHER = "e5f6g7h8"
LONG = "a" * 63


def of_domains(*domains):
    return Manifest(clusters={CLUSTER: ClusterSpec(domains=domains)})


def of_credentials(*credentials):
    return Manifest(clusters={CLUSTER: ClusterSpec(credentials=credentials)})


def faults_of(make, *args, **kwargs):
    with pytest.raises(ManifestError) as caught:
        make(*args, **kwargs)
    return caught.value.faults


def only_fault(make, *args, **kwargs):
    (fault,) = faults_of(make, *args, **kwargs)
    return fault


# Domain names.


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("  example.com\t", "example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("BÜCHER.Example.COM.", "xn--bcher-kva.example.com"),
        ("xn--bcher-kva.example.com", "xn--bcher-kva.example.com"),
        ("例え。テスト。", "xn--r8jz45g.xn--zckzah"),
        ("\uff45xample.com", "example.com"),
        ("3com.com", "3com.com"),
        ("a--b.com", "a--b.com"),
        ("test.com", "test.com"),
        ("example.local.com", "example.local.com"),
        (f"{LONG}.com", f"{LONG}.com"),
        (".".join([LONG] * 3 + ["a" * 57, "com"]), ".".join([LONG] * 3 + ["a" * 57, "com"])),
    ],
)
def test_a_domain_is_kept_in_its_one_form(given, normal):
    assert of_domains(given).clusters[CLUSTER].domains == (normal,)
    credential = CredentialSpec(user="web", domains=[given])
    (kept,) = of_credentials(credential).clusters[CLUSTER].credentials
    assert kept.domains == (normal,)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        (".", "empty label"),
        ("exmaple..com", "empty label"),
        (".example.com", "empty label"),
        ("example.com..", "empty label"),
        ("localhost", "reserved"),
        ("printer.local", "reserved"),
        ("a.LocalDomain", "reserved"),
        ("a.test.", "reserved"),
        ("a.invalid", "reserved"),
        ("a.example", "reserved"),
        ("com", "a single label"),
        ("com.", "a single label"),
        ("203.0.113.5", "an IP address"),
        ("203.0.113.0/24", "an IP address"),
        ("2001:db8::1", "an IP address"),
        ("[2001:db8::1]", "an IP address"),
        ("203.0.113.256", "its last label is a number"),
        ("-a.com", "hyphen"),
        ("a-.com", "hyphen"),
        ("a.com-", "hyphen"),
        (f"{LONG}a.com", "has 64 characters; 63 is the most"),
        (".".join([LONG] * 3 + ["a" * 58, "com"]), "254 characters; 253 is the most"),
        ("é" * 100_000, "100,000 characters"),
        ("_dmarc.example.com", "underscore"),
        ("https://Example.com/path", "a URL; give the name alone, example.com"),
        ("http://[", "a URL; give the name alone"),
        ("info@example.com", "an e-mail address; give what is behind the @, example.com"),
        ("info@", "an e-mail address"),
        ("example.com/path", "has a path; give the name alone, example.com"),
        ("example.com:443", "has a port"),
        ("*.example.com", "a wildcard"),
        ("a.com b.com", "give each name by itself"),
        ("a.com,b.com", "give each name by itself"),
        ("exam!ple.com", '"!" in it'),
        ("exam\x00ple.com", '"\\x00" in it'),
        ("a\u2665.com", "U+2665"),
        ("\udc80.com", "not a domain name"),
        ("xn--.com", "hyphen"),
    ],
)
def test_what_is_no_domain_is_refused_with_the_reason_and_the_place(given, why):
    fault = only_fault(of_domains, "a.com", "b.com", "c.com", given)
    assert fault.path == f"clusters.{CLUSTER}.domains[3]"
    assert str(fault).startswith(f"{fault.path}: ")
    assert "is not a domain name: " in fault.message
    assert why in fault.message
    assert (fault.file, fault.line) == (None, None)


@pytest.mark.parametrize("value", [5, 5.5, None, True, ["a.com"], {"a.com": 1}, b"a.com"])
def test_what_is_no_string_is_no_name(value):
    assert "is not a domain name" in only_fault(of_domains, "a.com", value).message
    assert "is not a user" in only_fault(of_credentials, CredentialSpec(user=value)).message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "the number 5 is not a domain name; write a text, in quotes"),
        (5.25, "the number 5.25 is not a domain name; write a text, in quotes"),
        (10**400, "a number is not a domain name; write a text, in quotes"),
        (None, "nothing (null) is not a domain name; write one, or take the item out"),
        (["a.com"], "a list is not a domain name; write one text for each"),
    ],
)
def test_what_is_no_string_is_shown_with_what_to_do(value, message):
    assert only_fault(of_domains, "a.com", value).message == message


def test_a_domain_that_comes_again_is_refused_in_whatever_form():
    faults = faults_of(of_domains, "bücher.com", "a.com", "BÜCHER.com", "xn--bcher-kva.com")
    assert [fault.path for fault in faults] == [
        f"clusters.{CLUSTER}.domains[2]",
        f"clusters.{CLUSTER}.domains[3]",
    ]
    for fault in faults:
        assert f"first at clusters.{CLUSTER}.domains[0]" in fault.message


@given(st.text(alphabet="abX09-._ /é:@\n", max_size=12) | st.text(max_size=70))
def test_what_is_taken_is_what_the_client_sends_as_it_is(text):
    try:
        name = names.domain_name(text)
    except names.NameFault:
        return
    assert parameters.DOMAIN.check(name) == name
    assert names.domain_name(name) == name
    assert all(len(label) <= 63 for label in name.split("."))


# Users and ids.

USER_TEXTS = st.text(alphabet="aZ0+=,.@_- /é\n", max_size=4)


@given(USER_TEXTS | st.text(max_size=20))
@example("a" * 255)
@example("a" * 256)
@example(".")
@example("..")
@example("a\n")
def test_a_user_is_taken_exactly_if_the_client_takes_it(text):
    assert is_taken(names.user_name, text) == is_taken(parameters.USER.check, text)


@given(USER_TEXTS | st.text(max_size=20))
@example("a" * 64)
@example("a" * 65)
@example("a\n")
def test_a_cluster_is_taken_exactly_if_the_client_takes_it(text):
    assert is_taken(names.cluster_id, text) == is_taken(parameters.CLUSTER.check, text)


def is_taken(check, text):
    try:
        return check(text) == text
    except (names.NameFault, UsageError):
        return False


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("", "it is empty"),
        ("a b", '" " in it'),
        ("a" * 256, "256 characters; 255 is the most"),
        ("..", "could never be changed or deleted again"),
    ],
)
def test_a_user_that_cannot_be_is_refused_with_the_reason(user, why):
    fault = only_fault(of_credentials, CredentialSpec(user=user))
    assert why in fault.message
    assert fault.path.startswith(f"clusters.{CLUSTER}.credentials")


def test_a_cluster_that_cannot_be_is_refused():
    fault = only_fault(Manifest, {"a/b": ClusterSpec()})
    assert '"a/b" cannot be the id of a cluster' in fault.message


def test_a_user_that_comes_again_is_refused_and_one_in_another_case_is_odd():
    web = CredentialSpec(user="web")
    assert '"web" is there already' in only_fault(of_credentials, web, web).message
    manifest = of_credentials(web, CredentialSpec(user="Web"))
    (warning,) = manifest.warnings
    assert "differ in case only" in warning


# Addresses.


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5/32", "203.0.113.5"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        (" 203.0.113.0/255.255.255.0 ", "203.0.113.0/24"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_an_address_is_kept_in_its_one_form(given, normal):
    (kept,) = of_ips(given).clusters[CLUSTER].credentials
    assert kept.allowed_ips == (normal,)


def of_ips(*ips):
    return of_credentials(CredentialSpec(user="web", allowed_ips=ips))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("203.0.113.5/24", "did you mean 203.0.113.0/24, or the address 203.0.113.5?"),
        ("2001:db8::1/32", "did you mean 2001:db8::/32, or the address 2001:db8::1?"),
        ("203.0.113.256", "is not an IP address"),
        ("203.0.113.05", "is not an IP address"),
        ("203.0.113.0/33", "is not an IP address"),
        ("203.0.113.1-9", "is not an IP address"),
        ("fe80::1%eth0", "is not an IP address"),
        ("example.com", "is not an IP address"),
        ("", "is not an IP address"),
        (5, "is not an IP address"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(given, why):
    fault = only_fault(of_ips, "203.0.113.9", given)
    assert why in fault.message
    assert fault.path == f"clusters.{CLUSTER}.credentials.web.allowed_ips[1]"


def test_an_item_that_comes_again_in_a_credential_is_odd_and_kept_once():
    manifest = of_credentials(
        CredentialSpec(
            user="web",
            domains=["a.com", "A.com"],
            allowed_ips=["203.0.113.5", "203.0.113.5/32"],
        )
    )
    (kept,) = manifest.clusters[CLUSTER].credentials
    assert (kept.domains, kept.allowed_ips) == (("a.com",), ("203.0.113.5",))
    domain, ip = manifest.warnings
    assert '"A.com" is there already' in domain
    assert '"203.0.113.5/32" is there already' in ip


# The whole.


def test_natural_input_becomes_tuples_in_order():
    manifest = Manifest(
        clusters={
            OTHER: ClusterSpec(domains="b.com"),
            CLUSTER: ClusterSpec(
                domains={"b.net", "a.net"},
                credentials=(CredentialSpec(user=user) for user in ("web", "app")),
            ),
        }
    )
    assert list(manifest.clusters) == [CLUSTER, OTHER]
    assert manifest.clusters[OTHER] == ClusterSpec(domains=("b.com",), credentials=None)
    assert manifest.clusters[CLUSTER].domains == ("a.net", "b.net")
    assert [each.user for each in manifest.clusters[CLUSTER].credentials] == ["app", "web"]
    assert manifest.warnings == ()


def test_manifests_that_wish_for_the_same_are_equal():
    assert of_domains("a.com", "b.com") == of_domains("B.com.", "a.com")
    assert of_domains("a.com") != of_domains("b.com")


def test_equal_manifests_are_one_in_a_set():
    credential = CredentialSpec(user="web", domains=["a.com"], allowed_ips=["::1"])
    assert len({of_domains("a.com", "b.com"), of_domains("B.com.", "a.com")}) == 1
    assert len({of_credentials(credential), of_credentials(credential), of_domains("a.com")}) == 2


def test_nothing_said_and_nothing_wished_are_kept_apart():
    nothing_said = Manifest(clusters={CLUSTER: ClusterSpec()})
    nothing_wished = Manifest(clusters={CLUSTER: ClusterSpec(domains=[], credentials=[])})
    assert nothing_said != nothing_wished
    assert nothing_said.clusters[CLUSTER].domains is None
    assert nothing_said.clusters[CLUSTER].credentials is None
    assert nothing_wished.clusters[CLUSTER].domains == ()
    assert nothing_wished.clusters[CLUSTER].credentials == ()
    for manifest in (nothing_said, nothing_wished):
        assert Manifest.parse(manifest.to_yaml(), format="yaml") == manifest
        assert Manifest.parse(manifest.to_json(), format="json") == manifest


def test_a_credential_for_nothing_is_refused():
    domains, ips = faults_of(of_credentials, CredentialSpec(user="web", domains=[], allowed_ips=[]))
    assert "no domain at all" in domains.message
    assert "no address at all" in ips.message


@pytest.mark.parametrize(
    ("clusters", "path"),
    [
        (["a"], "clusters"),
        ({CLUSTER: ["a.com"]}, f"clusters.{CLUSTER}"),
        ({5: ClusterSpec()}, "clusters.5"),
        ({CLUSTER: ClusterSpec(domains=5)}, f"clusters.{CLUSTER}.domains"),
        ({CLUSTER: ClusterSpec(domains={"a.com": 1})}, f"clusters.{CLUSTER}.domains"),
        ({CLUSTER: ClusterSpec(credentials=5)}, f"clusters.{CLUSTER}.credentials"),
        ({CLUSTER: ClusterSpec(credentials=["web"])}, f"clusters.{CLUSTER}.credentials[0]"),
        (
            {CLUSTER: ClusterSpec(credentials=[CredentialSpec(user="web", allowed_ips=5)])},
            f"clusters.{CLUSTER}.credentials.web.allowed_ips",
        ),
    ],
)
def test_what_is_of_a_wrong_type_is_refused_with_its_place(clusters, path):
    assert only_fault(Manifest, clusters).path == path


def test_a_domain_in_two_clusters_is_odd():
    shared = [f"d{n}.com" for n in range(5)]
    manifest = Manifest(
        clusters={CLUSTER: ClusterSpec(domains=shared), OTHER: ClusterSpec(domains=shared)}
    )
    (warning,) = manifest.warnings
    assert '"d0.com", "d1.com", "d2.com" and 2 more' in warning
    assert f"{CLUSTER} and {OTHER}" in warning
    assert "RFC 6376" in warning


def test_warnings_are_not_compared():
    odd = of_credentials(CredentialSpec(user="web", domains=["a.com", "A.com"]))
    assert odd.warnings
    assert odd == of_credentials(CredentialSpec(user="web", domains=["a.com"]))


def test_a_manifest_can_be_copied_pickled_and_made_anew_of_its_parts():
    manifest = of_credentials(CredentialSpec(user="web", domains=["a.com", "A.com"]))
    for clone in (
        copy.deepcopy(manifest),
        pickle.loads(pickle.dumps(manifest)),
        attrs.evolve(manifest),
        Manifest(manifest.clusters),
        Manifest(dict(manifest.clusters)),
    ):
        assert clone == manifest
        with pytest.raises(TypeError):
            clone.clusters[CLUSTER] = ClusterSpec()


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        (Manifest({}), "0 clusters"),
        (Manifest({CLUSTER: ClusterSpec()}), "1 cluster"),
        (of_domains("a.com"), "1 cluster, 1 domain"),
        (
            Manifest(
                {
                    CLUSTER: ClusterSpec(domains=[f"d{n}.com" for n in range(1000)]),
                    OTHER: ClusterSpec(domains=[], credentials=[]),
                }
            ),
            "2 clusters, 1,000 domains, 0 credentials",
        ),
    ],
)
def test_in_short_it_is_how_much_it_speaks_of(manifest, text):
    assert str(manifest) == text


# Errors.


def test_every_fault_is_named_at_once_one_in_each_line_up_to_fifty():
    faults = faults_of(of_domains, *["-"] * 362)
    assert len(faults) == 362
    lines = str(ManifestError(faults)).split("\n")
    assert lines[:50] == [str(fault) for fault in faults[:50]]
    assert lines[50:] == ["and 312 more"]
    assert str(ManifestError(faults[:50])).count("\n") == 49


def test_an_error_can_be_copied_and_pickled():
    error = ManifestError([ManifestFault(file="a.yaml", line=3, message="it is wrong")])
    assert isinstance(error, UsageError)
    assert str(error) == "a.yaml:3: it is wrong"
    for clone in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (str(clone), clone.faults) == (str(error), error.faults)


# To text and back.

LABELS = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,4}[a-z0-9])?\Z")
DOMAINS = (
    st.lists(LABELS, min_size=2, max_size=4)
    .map(".".join)
    .filter(lambda name: is_taken(names.domain_name, name))
)
TRICKY = [
    *("no", "Yes", "NULL", "1e5", "0x1f", "0b1", "0o7", "1__0", "1.e+5", "-", "=", "2001-01-01"),
    *("1__0.5e+3", "nan", ".inf", "+1", "y", "@a", "0", "0123", "1.5", "a,b", "---", "-a"),
]
USERS = st.from_regex(r"\A[A-Za-z0-9+=,.@_-]{1,8}\Z").filter(
    lambda user: is_taken(names.user_name, user)
)
NETWORKS = st.builds(
    lambda ip, prefix: (
        str(ipaddress.ip_network((int(ip), prefix), strict=False))
        if ip.version == 4
        else str(ipaddress.ip_network(f"{ip}/{prefix * 4}", strict=False))
    ),
    st.ip_addresses(),
    st.integers(0, 32),
)
CREDENTIALS = st.builds(
    CredentialSpec,
    user=USERS,
    domains=st.none() | st.lists(DOMAINS, min_size=1, max_size=20),
    allowed_ips=st.none() | st.lists(NETWORKS, min_size=1, max_size=5),
)
CLUSTERS = st.builds(
    ClusterSpec,
    domains=st.none() | st.lists(DOMAINS, unique=True, max_size=20),
    credentials=st.none() | st.lists(CREDENTIALS, unique_by=lambda spec: spec.user, max_size=4),
)
IDS = st.from_regex(r"\A[A-Za-z0-9_-]{1,8}\Z") | st.sampled_from(["1234", "0123", "no", "null"])
MANIFESTS = st.builds(Manifest, st.dictionaries(IDS, CLUSTERS, max_size=3))


@given(MANIFESTS)
def test_what_is_written_loads_as_the_same_manifest(manifest):
    assert Manifest.parse(manifest.to_json(), format="json") == manifest
    text = manifest.to_yaml()
    assert Manifest.parse(text, format="yaml") == manifest
    # Nor does any other reader of YAML take a name for something else.
    assert yaml.safe_load(text) == json.loads(manifest.to_json())


def test_no_user_is_taken_for_something_else_in_yaml():
    manifest = of_credentials(*(CredentialSpec(user=user) for user in TRICKY))
    text = manifest.to_yaml()
    assert Manifest.parse(text, format="yaml") == manifest
    assert sorted(yaml.safe_load(text)["clusters"][CLUSTER]["credentials"]) == sorted(TRICKY)


def test_what_is_written_can_be_read_by_people():
    manifest = Manifest(
        clusters={
            CLUSTER: ClusterSpec(
                domains=["mail.example.com", "example.com"],
                credentials=[
                    CredentialSpec(
                        user="webapp-production",
                        domains=["example.com"],
                        allowed_ips=["2001:db8::/32", "203.0.113.0/24"],
                    ),
                    CredentialSpec(user="batch"),
                ],
            ),
            OTHER: ClusterSpec(domains=[f"d{n}.example.com" for n in range(10)]),
        }
    )
    assert manifest.to_yaml() == (
        """\
clusters:
  a1b2c3d4:
    domains: [example.com, mail.example.com]
    credentials:
      batch:
        allow_all_domains: true
      webapp-production:
        domains: [example.com]
        allowed_ips: ["2001:db8::/32", 203.0.113.0/24]
  e5f6g7h8:
    domains:
"""
        + "".join(f"      - d{n}.example.com\n" for n in range(10))
    )


# From what exists.


async def test_what_exists_is_written_down_with_two_calls_for_each_cluster(client, sandbox):
    await client.domains.create(CLUSTER, name="b.com")
    await client.domains.create(CLUSTER, name="bücher.com")
    await client.domains.create(OTHER, name="a.com")
    await client.credentials.create(
        CLUSTER,
        user="web",
        domains=["b.com"],
        allow_all_ips=False,
        allowed_ips=["203.0.113.5/32"],
    )
    await client.credentials.create(CLUSTER, user="app", allow_all_domains=True)
    sandbox.calls.clear()

    manifest = await Manifest.from_live(client)
    operations = sorted(call.operation for call in sandbox.calls)
    assert operations == ["clusters.list", *["credentials.list"] * 2, *["domains.list"] * 2]
    assert manifest == Manifest(
        clusters={
            CLUSTER: ClusterSpec(
                domains=["b.com", "xn--bcher-kva.com"],
                credentials=[
                    CredentialSpec(user="app"),
                    CredentialSpec(user="web", domains=["b.com"], allowed_ips=["203.0.113.5"]),
                ],
            ),
            OTHER: ClusterSpec(domains=["a.com"], credentials=[]),
        }
    )
    assert manifest.warnings == ()
    assert Manifest.parse(manifest.to_yaml(), format="yaml") == manifest


async def test_only_the_clusters_that_are_named_are_looked_at(client, sandbox):
    manifest = await Manifest.from_live(client, OTHER, OTHER)
    assert list(manifest.clusters) == [OTHER]
    assert len(sandbox.calls) == 2


async def test_a_cluster_that_cannot_be_seen_is_an_error(client):
    with pytest.raises(NotFoundError):
        await Manifest.from_live(client, CLUSTER, "unknown")


async def test_what_exists_against_our_rules_is_kept_as_it_is_and_named(client: UnmtaClient):
    # The sandbox takes ranges with bits behind their prefix, as the API may.
    odd = "203.0.113.5/24"
    await client.credentials.create(
        CLUSTER, user="web", allow_all_domains=True, allow_all_ips=False, allowed_ips=[odd]
    )
    manifest = await Manifest.from_live(client, CLUSTER)
    (kept,) = manifest.clusters[CLUSTER].credentials
    assert kept.allowed_ips == (odd,)
    (warning,) = manifest.warnings
    assert odd in warning
    assert "does not load" in warning
    assert odd in only_fault(Manifest.parse, manifest.to_yaml(), format="yaml").message


async def test_of_what_exists_nothing_is_left_unnamed(client: UnmtaClient):
    ips = [f"10.{number // 250}.{number % 250}.1/24" for number in range(5001)]
    await client.credentials.create(
        CLUSTER, user="web", allow_all_domains=True, allow_all_ips=False, allowed_ips=ips
    )
    assert len((await Manifest.from_live(client, CLUSTER)).warnings) == 5001


async def test_many_clusters_are_looked_at_a_few_at_a_time():
    async with Sandbox() as sandbox, sandbox.client() as client:
        ids = [f"c{n}" for n in range(30)]
        for cluster in ids:
            sandbox.state.add_cluster(cluster)
        manifest = await Manifest.from_live(client, *ids)
    assert sorted(manifest.clusters) == sorted(ids)
