"""The rules, one by one, against the state machine: no server, no event loop."""

import pytest

from unmta_async.sandbox import Refusal, State, rules

from .conftest import START
from .proofs import proves

A, E = "a1b2c3d4", "e5f6g7h8"
ALL = {"allow_all_domains": True}


def refused(status, operation, *arguments):
    """Return the body that an operation refuses its arguments with."""
    with pytest.raises(Refusal) as refusal:
        operation(*arguments)
    assert refusal.value.status == status
    return refusal.value.body


def errors(operation, *arguments):
    return refused(422, operation, *arguments)["errors"]


def data(answer):
    return answer[1]["data"]


def make_domain(state, name="example.com", cluster=A):
    return data(state.create_domain(cluster, {"name": name}))


def make_credential(state, user="app", **fields):
    return state.create_credential(A, {"user": user, **(fields or ALL)})[1]


# Tokens


@proves(rules.AUTH_BEARER)
@pytest.mark.parametrize(
    "header", [None, "", "{}", "Basic {}", "Bearer {}x", "Bearer ", "Bearer  {}"]
)
def test_only_the_bearer_token_authenticates(state, header):
    state.authenticate(f"Bearer {state.token}")
    state.authenticate(f"bearer {state.token}")
    header = header and header.format(state.token)
    assert refused(401, state.authenticate, header) == {"message": "Unauthenticated."}


@proves(rules.AUTH_ONE_TOKEN)
def test_a_new_token_revokes_the_old_one(state):
    old = state.token
    new = state.issue_token()
    assert old != new == state.token
    state.authenticate(f"Bearer {new}")
    refused(401, state.authenticate, f"Bearer {old}")
    state.revoke_token()
    refused(401, state.authenticate, f"Bearer {new}")


@proves(rules.AUTH_NO_EXPIRY)
def test_a_token_does_not_age(state, clock):
    clock.advance(10 * 365 * 86400)
    state.authenticate(f"Bearer {state.token}")


# Answers


@proves(rules.ANSWER_DATA, rules.CLUSTER_LIST, rules.ANSWER_TIMES)
def test_the_first_clusters_are_those_of_the_text(state):
    status, body = state.list_clusters()
    first, second = body["data"]
    assert status == 200
    assert first == {
        "id": A,
        "hostname": "c-a1b2c3d4.unmta.net",
        "region": "us-dal-1",
        "status": "active",
        "max_message_rate": None,
        "created_at": START,
        "updated_at": START,
    }
    assert (second["id"], second["max_message_rate"]) == (E, "50/hr,max_burst=10")


@proves(rules.MTA_LIST, rules.MTA_NULLABLE)
def test_mtas_show_their_addresses_and_null_for_none(state):
    first, second = data(state.list_mtas(A))
    assert first["outbound_ips"][0] == {
        "ipv4": "203.0.113.20",
        "ipv6": "2001:db8::10",
        "ptr": "ip-203-0-113-20.unmta.net",
    }
    assert second["primary_ipv6"] is None
    assert second["outbound_ips"] == [{"ipv4": "203.0.113.22", "ipv6": None, "ptr": None}]
    assert len(data(state.list_mtas(E))) == 1


def test_a_cluster_can_be_added(state):
    state.add_cluster("new", mtas=100, max_message_rate="500/hr")
    assert data(state.list_clusters())[-1]["hostname"] == "c-new.unmta.net"
    assert len({mta["id"] for mta in data(state.list_mtas("new"))}) == 100
    for taken in ("new", "", "a/b", ".."):
        with pytest.raises(ValueError, match="cannot be the id"):
            state.add_cluster(taken)


@proves(rules.ANSWER_NOT_FOUND, rules.REQUEST_CLUSTER_FIRST)
@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (State.list_mtas, ["none"]),
        (State.list_domains, ["none"]),
        (State.create_domain, ["none", {"name": "broken name"}]),
        (State.get_domain, ["none", "example.com"]),
        (State.get_domain, [A, "example.com"]),
        (State.delete_domain, [A, "example.com"]),
        (State.list_credentials, ["none"]),
        (State.create_credential, ["none", {}]),
        (State.update_credential, [A, "app", {"domains": 1}]),
        (State.delete_credential, [A, "app"]),
        (State.verify, [A, "example.com"]),
    ],
)
def test_what_is_not_there_is_a_404_before_anything_else(state, operation, arguments):
    assert refused(404, operation, state, *arguments) == {"message": "Not Found"}


@proves(rules.ANSWER_INVALID, rules.ANSWER_MESSAGE)
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (ALL, "The user field is required."),
        ({}, "The user field is required. (and 1 more error)"),
        ({"allow_all_ips": 0}, "The user field is required. (and 2 more errors)"),
    ],
)
def test_a_422_sums_up_its_errors(state, fields, message):
    body = refused(422, state.create_credential, A, fields)
    assert body["message"] == message
    assert body["errors"]["user"] == ["The user field is required."]


# Requests


@proves(rules.REQUEST_EMPTY, rules.REQUEST_STRICT)
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "is required"),
        ({"name": None}, "is required"),
        ({"name": ""}, "is required"),
        ({"name": []}, "is required"),
        ({"name": 1}, "must be a string"),
        ({"name": ["example.com"]}, "must be a string"),
        ({"name": False}, "must be a string"),
    ],
)
def test_a_name_is_a_string(state, body, fault):
    assert errors(state.create_domain, A, body) == {"name": [f"The name field {fault}."]}


@proves(rules.REQUEST_STRICT)
@pytest.mark.parametrize("value", [None, 0, 1, "true", "", []])
@pytest.mark.parametrize("flag", ["allow_all_domains", "allow_all_ips"])
def test_a_flag_is_true_or_false(state, flag, value):
    make_credential(state)
    found = errors(state.update_credential, A, "app", {flag: value})
    assert found == {flag: [f"The {flag.replace('_', ' ')} field must be true or false."]}


@proves(rules.REQUEST_STRICT, rules.ANSWER_NESTED)
@pytest.mark.parametrize("listing", ["domains", "allowed_ips"])
def test_a_list_is_an_array_of_strings(state, listing):
    label = listing.replace("_", " ")
    for value in (None, "example.com", {"0": "example.com"}, True):
        found = errors(state.create_credential, A, {"user": "app", **ALL, listing: value})
        assert found == {listing: [f"The {label} field must be an array."]}
    found = errors(state.create_credential, A, {"user": "app", **ALL, listing: [1, None]})
    assert list(found) == [f"{listing}.0", f"{listing}.1"]
    assert found[f"{listing}.1"] == [f"The {label}.1 field must be a string."]


@proves(rules.REQUEST_EXTRA)
def test_unknown_fields_are_ignored(state):
    shown = data(state.create_domain(A, {"name": "example.com", "status": "verified"}))
    assert shown["status"] == "pending"
    assert make_credential(state, **ALL, password="mine")["password"] != "mine"


# Domains


@proves(rules.DOMAIN_FQDN, rules.DOMAIN_WIRE_FORM, rules.DOMAIN_ASCII, rules.DOMAIN_NOT_IP)
@pytest.mark.parametrize(
    "name",
    [
        "example", " example.com", "example.com ", "example.com\n", "example.com.", ".example.com",
        "a..com", "-a.com", "a-.com", "under_score.com", "a b.com", "http://example.com", "a@b.com",
        "*.example.com", "example.123", "bücher.example.com", "example.\uff43om", "\u212a.com",
        "a/b.com", "\ud800.com", "x" * 64 + ".com", ".".join(["x" * 62] * 4) + ".ab",
        "192.0.2.1", "2001:db8::1", "192.0.2.0/24",
    ],
)  # fmt: skip
def test_what_is_no_name(state, name):
    faults = errors(state.create_domain, A, {"name": name})["name"]
    assert faults[0] == "The name field must be a fully qualified domain name."
    is_ip = name[-1] in "14" and name[0] in "12"
    assert ("The name field must not be an IP address." in faults) is is_ip


@proves(rules.DOMAIN_TLD)
@pytest.mark.parametrize(
    "tld", ["localhost", "local", "test", "invalid", "example", "localdomain", "TEST"]
)
def test_reserved_tlds_are_refused(state, tld):
    fault = "The name field must not use a reserved top-level domain."
    assert errors(state.create_domain, A, {"name": f"mail.{tld}"}) == {"name": [fault]}


@pytest.mark.parametrize(
    "name",
    [
        "example.com", "test.com", "local.example.com", "a.co", "1.com",
        "xn--bcher-kva.de", "a.xn--p1ai", "x" * 63 + ".com", ".".join(["x" * 62] * 4) + ".a",
    ],
)  # fmt: skip
def test_what_is_a_name(state, name):
    assert make_domain(state, name)["name"] == name


@proves(rules.DOMAIN_PENDING, rules.DOMAIN_RECORDS)
def test_a_new_domain_is_pending_and_has_records(state):
    created = make_domain(state)
    key = created["dkim_public_key"]
    assert created == {
        "name": "example.com",
        "status": "pending",
        "dkim_public_key": key,
        "dns_records": {
            "dkim": {"type": "TXT", "name": "unmta._domainkey", "value": f"p={key}"},
            "dmarc": {
                "type": "TXT",
                "name": "_dmarc",
                "value": "v=DMARC1; p=reject; adkim=s; aspf=r",
            },
        },
        "created_at": START,
        "updated_at": START,
    }
    assert data(state.get_domain(A, "example.com")) == created
    del created["dns_records"]
    assert data(state.list_domains(A)) == [created]


@proves(rules.DOMAIN_UNIQUE, rules.DOMAIN_CASE, rules.DOMAIN_PATH_CASE)
def test_a_name_is_taken_and_found_in_any_case(state):
    assert make_domain(state, "Example.COM")["name"] == "example.com"
    taken = {"name": ["The name has already been taken."]}
    assert errors(state.create_domain, A, {"name": "exAmple.com"}) == taken
    assert make_domain(state, cluster=E)["name"] == "example.com"
    assert data(state.get_domain(A, "EXAMPLE.com"))["name"] == "example.com"
    state.delete_domain(A, "exaMPLe.com")
    assert data(state.list_domains(A)) == []


@proves(rules.DOMAIN_OWN_KEY, rules.DOMAIN_NEW_KEY, rules.DOMAIN_DELETE)
def test_keys_follow_from_seed_cluster_and_name(state, clock):
    key = make_domain(state)["dkim_public_key"]
    other = make_domain(state, cluster=E)["dkim_public_key"]
    assert state.delete_domain(A, "example.com") == (204, None)
    anew = make_domain(state)["dkim_public_key"]
    assert len({key, other, anew}) == 3
    same = State(clock=clock)
    make_domain(same, "first.com")
    assert make_domain(same)["dkim_public_key"] == key
    assert make_domain(State(seed=2, clock=clock))["dkim_public_key"] != key


@proves(rules.DOMAIN_NO_CASCADE)
def test_credentials_outlive_the_domains_they_name(state):
    make_domain(state)
    before = make_credential(state, domains=["example.com"])["data"]
    state.delete_domain(A, "example.com")
    assert data(state.list_credentials(A)) == [before]


@proves(rules.DOMAIN_STATUS)
def test_a_status_changes_by_command(state, clock):
    make_domain(state)
    clock.advance(90)
    assert data(state.get_domain(A, "example.com"))["updated_at"] == START
    state.verify(A, "Example.com")
    shown = data(state.get_domain(A, "example.com"))
    assert (shown["status"], shown["created_at"]) == ("verified", START)
    assert shown["updated_at"] == "2025-01-15T10:31:30Z"
    state.unverify(A, "example.com")
    assert data(state.list_domains(A))[0]["status"] == "pending"
    state.add_domain(A, "other.com", status="suspended")
    assert data(state.get_domain(A, "other.com"))["status"] == "suspended"


@proves(rules.DOMAIN_STATUS)
def test_a_status_changes_by_policy(clock):
    state = State(clock=clock, verification=60)
    make_domain(state)
    make_domain(state, "held.com")
    state.unverify(A, "held.com")
    clock.advance(59.5)
    assert {item["status"] for item in data(state.list_domains(A))} == {"pending"}
    clock.advance(1000)
    first, held = data(state.list_domains(A))
    assert (first["status"], first["updated_at"]) == ("verified", "2025-01-15T10:31:00Z")
    assert held["status"] == "pending"


@proves(rules.DOMAIN_PENDING)
def test_immediate_verification_shows_from_the_first_look(clock):
    state = State(clock=clock, verification="immediate")
    assert make_domain(state)["status"] == "pending"
    assert data(state.get_domain(A, "example.com"))["status"] == "verified"


@pytest.mark.parametrize("policy", ["soon", -1, float("nan"), float("inf"), "60"])
def test_what_is_no_policy(policy):
    with pytest.raises(ValueError, match="number of seconds"):
        State(verification=policy)


# Credentials


@proves(rules.USER_CHARACTERS, rules.USER_LENGTH)
def test_users_have_certain_characters(state):
    for user in ("a", "Az09+=,.@_-", "..", "x" * 255):
        assert make_credential(state, user)["data"]["user"] == user
    for user in ("a b", "ä", "a/b", "a\n", "x%2F", "*"):
        found = errors(state.create_credential, A, {"user": user, **ALL})
        assert found == {"user": ["The user field format is invalid."]}
    found = errors(state.create_credential, A, {"user": "x" * 256, **ALL})
    assert found == {"user": ["The user field must not be greater than 255 characters."]}


@proves(rules.USER_UNIQUE, rules.USER_CASE, rules.CREDENTIAL_DELETE)
def test_users_are_unique_and_tell_case_apart(state):
    make_credential(state, "app")
    taken = {"user": ["The user has already been taken."]}
    assert errors(state.create_credential, A, {"user": "app", **ALL}) == taken
    make_credential(state, "App")
    assert state.create_credential(E, {"user": "app", **ALL})[0] == 201
    refused(404, state.delete_credential, A, "APP")
    assert state.delete_credential(A, "App") == (204, None)
    assert [item["user"] for item in data(state.list_credentials(A))] == ["app"]


@proves(rules.CREDENTIAL_DEFAULTS, rules.CREDENTIAL_LIST_ALONE)
def test_defaults_of_a_credential(state):
    assert make_credential(state, domains=["example.com"])["data"] == {
        "user": "app",
        "allow_all_domains": False,
        "domains": ["example.com"],
        "allow_all_ips": True,
        "allowed_ips": [],
        "created_at": START,
        "updated_at": START,
    }
    listed = make_credential(state, "listed", **ALL, allowed_ips=["192.0.2.1"])["data"]
    assert (listed["allow_all_ips"], listed["allowed_ips"]) == (True, ["192.0.2.1"])


@proves(rules.CREDENTIAL_DOMAINS, rules.CREDENTIAL_IPS)
@pytest.mark.parametrize(
    ("fields", "required"),
    [
        ({}, ["domains"]),
        ({"domains": []}, ["domains"]),
        ({"allow_all_domains": False}, ["domains"]),
        ({"allow_all_ips": False}, ["domains", "allowed_ips"]),
        ({**ALL, "allow_all_ips": False, "allowed_ips": []}, ["allowed_ips"]),
    ],
)
def test_a_restriction_needs_its_list(state, fields, required):
    found = errors(state.create_credential, A, {"user": "app", **fields})
    assert list(found) == required
    assert all("field is required unless allow all" in found[field][0] for field in required)


@proves(rules.CREDENTIAL_DOMAIN_NAMES)
def test_allowed_domains_are_names_but_need_not_exist(state):
    shown = make_credential(state, domains=["Example.COM", "none.org"])["data"]
    assert shown["domains"] == ["example.com", "none.org"]
    found = errors(state.create_credential, A, {"user": "b", "domains": ["a.com", "b.test", "c"]})
    assert list(found) == ["domains.1", "domains.2"]


@proves(rules.CREDENTIAL_IP_FORMS, rules.CREDENTIAL_IP_LENIENT)
def test_allowed_ips_are_addresses_and_ranges(state):
    good = ["192.0.2.1", "203.0.113.0/24", "2001:DB8::1", "2001:db8::/32", "192.0.2.9/24", "::/0"]
    shown = make_credential(state, **ALL, allow_all_ips=False, allowed_ips=good)["data"]
    assert shown["allowed_ips"] == good
    bad = ["", "192.0.2", "192.0.2.256", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/255.255.255.0",
           "fe80::1%eth0", "::/129", "example.com", " 192.0.2.1", "192.0.2.0/-1"]  # fmt: skip
    found = errors(state.create_credential, A, {"user": "b", **ALL, "allowed_ips": bad})
    assert len(found) == len(bad)


@proves(rules.PASSWORD_ONCE, rules.PASSWORD_HASHED)
def test_a_password_is_shown_once_and_kept_as_a_hash(state):
    recorded = []
    state.record = recorded.append
    created = make_credential(state)
    password = created["password"]
    assert set(created) == {"data", "password"}
    assert len(password) == 32
    assert password.isascii()
    assert password.isalnum()
    assert password not in f"{data(state.list_credentials(A))}{recorded}{vars(state._world)}"
    assert state.check_password(A, "app", password)
    for wrong in (
        (A, "app", password[:-1]),
        (A, "App", password),
        (E, "app", password),
        ("", "", ""),
    ):
        assert not state.check_password(*wrong)
    state.delete_credential(A, "app")
    assert make_credential(state)["password"] != password
    assert not state.check_password(A, "app", password)


@proves(rules.UPDATE_PRESENCE, rules.UPDATE_KEEPS, rules.UPDATE_REQUIRED)
@pytest.mark.parametrize(
    ("before", "update", "after"),
    [
        ((True, []), {}, (True, [])),
        ((True, []), {"list": ["X"]}, (False, ["X"])),
        ((True, []), {"list": ["X"], "flag": True}, (True, ["X"])),
        ((True, ["Y"]), {"flag": False}, (False, ["Y"])),
        ((True, []), {"flag": False}, None),
        ((True, ["Y"]), {"list": []}, None),
        ((False, ["Y"]), {}, (False, ["Y"])),
        ((False, ["Y"]), {"list": ["X", "Y"]}, (False, ["X", "Y"])),
        ((False, ["Y"]), {"flag": True}, (True, ["Y"])),
        ((False, ["Y"]), {"flag": True, "list": []}, (True, [])),
        ((False, ["Y"]), {"flag": False, "list": []}, None),
    ],
)
@pytest.mark.parametrize(
    ("flag", "listing", "items"),
    [
        ("allow_all_domains", "domains", {"X": "x.com", "Y": "y.com"}),
        ("allow_all_ips", "allowed_ips", {"X": "192.0.2.1", "Y": "2001:db8::/32"}),
    ],
)
def test_what_an_update_makes_of_a_restriction(state, flag, listing, items, before, update, after):
    def fields(given):
        named = {"flag": flag, "list": listing}
        return {
            named[key]: [items[item] for item in value] if key == "list" else value
            for key, value in given.items()
        }

    created = make_credential(
        state, **{**ALL, **fields(dict(zip(("flag", "list"), before, strict=True)))}
    )
    if after is None:
        assert list(errors(state.update_credential, A, "app", fields(update))) == [listing]
        after = before
    else:
        assert state.update_credential(A, "app", fields(update))[0] == 200
    expected = fields(dict(zip(("flag", "list"), after, strict=True)))
    assert data(state.list_credentials(A)) == [created["data"] | expected]


@proves(rules.UPDATE_TIME, rules.UPDATE_KEEPS)
def test_an_update_sets_its_time_and_keeps_the_password(state, clock):
    password = make_credential(state)["password"]
    clock.advance(60)
    shown = data(state.update_credential(A, "app", {}))
    assert (shown["created_at"], shown["updated_at"]) == (START, "2025-01-15T10:31:00Z")
    assert state.check_password(A, "app", password)


# Time


def test_a_clock_goes_forward_only(clock):
    before = clock.now()
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(-1)
    clock.catch_up(before - 10)
    assert clock.now() == before
    clock.catch_up(before + 10)
    assert clock.now() == before + 10
