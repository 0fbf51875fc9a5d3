"""Manifests in files: what each format may say, and the line of everything that is wrong."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
import tracemalloc

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from unmta_async import UsageError
from unmta_async.provisioning.manifest import (
    ClusterSpec,
    CredentialSpec,
    Manifest,
    ManifestError,
    _yaml,
)

CLUSTER = "a1b2c3d4"
OTHER = "e5f6g7h8"

SAMPLE_YAML = """\
clusters:
  a1b2c3d4:
    domains: [example.com, mail.example.com]
    credentials:
      webapp-production:
        domains: [example.com]
        allowed_ips: [203.0.113.0/24]
      batch:
        allow_all_domains: true
"""
SAMPLE = Manifest(
    clusters={
        CLUSTER: ClusterSpec(
            domains=["example.com", "mail.example.com"],
            credentials=[
                CredentialSpec(
                    user="webapp-production",
                    domains=["example.com"],
                    allowed_ips=["203.0.113.0/24"],
                ),
                CredentialSpec(user="batch"),
            ],
        )
    }
)
TWO_DOMAINS = Manifest(clusters={CLUSTER: ClusterSpec(domains=["a.com", "b.com"])})
CREDENTIALS_HEADER = "cluster,user,domains,allowed_ips,allow_all_domains"


def parse(text, form, cluster=None):
    return Manifest.parse(text, format=form, name="the file", cluster=cluster)


def faults_of(text, form, cluster=None):
    """Return the line and the message of each fault, and check that the error shows them all."""
    with pytest.raises(ManifestError) as caught:
        parse(text, form, cluster)
    faults = caught.value.faults
    for fault in faults:
        where = "the file" if fault.line is None else f"the file:{fault.line}"
        assert str(fault) == f"{where}: {fault.message}"
    assert str(caught.value) == "\n".join(map(str, faults))
    return [(fault.line, fault.message) for fault in faults]


def only_fault(text, form, cluster=None):
    (fault,) = faults_of(text, form, cluster)
    return fault


def wrong_lines(text, form, cluster=None):
    return [line for line, _ in faults_of(text, form, cluster)]


# Files and formats.


@pytest.mark.parametrize(
    ("name", "text", "cluster"),
    [
        ("a.yaml", "clusters: {a1b2c3d4: {domains: [a.com, b.com]}}", None),
        ("a.yml", "clusters: {a1b2c3d4: {domains: [a.com, b.com]}}", None),
        ("a.JSON", '{"clusters": {"a1b2c3d4": {"domains": ["a.com", "b.com"]}}}', None),
        ("a.csv", "cluster,domain\na1b2c3d4,a.com\na1b2c3d4,b.com\n", None),
        ("a.csv", "domain\na.com\nb.com\n", CLUSTER),
        ("a.b.txt", "a.com\nb.com\n", CLUSTER),
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_suffix_tells_the_format(tmp_path, name, text, cluster, bom, end):
    path = tmp_path / name
    path.write_bytes((bom + text.replace("\n", end)).encode())
    assert Manifest.load(path, cluster=cluster) == TWO_DOMAINS
    assert Manifest.load(str(path), cluster=cluster) == TWO_DOMAINS


def test_another_suffix_needs_the_format_said(tmp_path):
    path = tmp_path / "names.lst"
    path.write_text("a.com\nb.com\n")
    assert Manifest.load(path, cluster=CLUSTER, format="txt") == TWO_DOMAINS
    with pytest.raises(UsageError, match=r"names\.lst.* give format= 'yaml', 'json', 'csv', 'txt'"):
        Manifest.load(path, cluster=CLUSTER)
    with pytest.raises(UsageError, match="format='toml' is not known"):
        Manifest.load(path, format="toml")


def test_text_needs_no_file():
    assert Manifest.parse("a.com\nb.com", format="txt", cluster=CLUSTER) == TWO_DOMAINS
    assert Manifest.parse(b"a.com\nb.com", format="txt", cluster=CLUSTER) == TWO_DOMAINS
    with pytest.raises(ManifestError, match=r"<stdin>:1: "):
        Manifest.parse("a..com", format="txt", cluster=CLUSTER)


@pytest.mark.parametrize("path", [b"a.yaml", 5, None])
def test_what_is_no_path_and_no_text_is_told(path):
    with pytest.raises(UsageError, match=r"path= is .*; give the name of a file"):
        Manifest.load(path)
    with pytest.raises(UsageError, match=r"text is .*; give the content of a file"):
        Manifest.parse(None if path == b"a.yaml" else path, format="yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path, why in [
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "directory"),
        ("a\0b.yaml", "null"),
    ]:
        with pytest.raises(ManifestError, match=why) as caught:
            Manifest.load(path, format="yaml")
        assert caught.value.faults[0].file == str(path)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (SAMPLE_YAML, "yaml"),
        (SAMPLE.to_json(), "json"),
        ("cluster,domain\na1b2c3d4,a.com\n", "csv"),
        (f"{CREDENTIALS_HEADER}\na1b2c3d4,web,a.com,,\n", "csv"),
    ],
)
def test_the_cluster_is_given_only_to_a_file_that_names_none(text, form):
    assert "names its clusters itself" in only_fault(text, form, CLUSTER)[1]


@pytest.mark.parametrize(
    ("text", "form"), [("a.com\n", "txt"), ("domain\na.com\n", "csv"), ("user\nweb\n", "csv")]
)
def test_a_file_that_names_no_cluster_needs_it_given(text, form):
    assert "cluster" in only_fault(text, form)[1]


@pytest.mark.parametrize(
    ("text", "form"), [("a.com\nb..com", "txt"), ("domain\na.com\n", "csv"), ("user\nweb\n", "csv")]
)
def test_a_given_cluster_that_cannot_be_is_blamed_on_no_line(text, form):
    line, message = only_fault(text, form, "a/b")
    assert line is None
    assert message.startswith('cluster= is wrong: "a/b" cannot be the id of a cluster')
    assert only_fault(text, form, 5) == (None, "cluster= is a number; give the id of a cluster")


@pytest.mark.parametrize("form", ["yaml", "json", "csv", "txt"])
def test_what_is_not_utf_8_is_refused_with_its_line(form):
    cluster = CLUSTER if form == "txt" else None
    assert only_fault(b"# \xc3\xa9\n\n b\xfccher.com", form, cluster) == (
        3,
        "it is not UTF-8; save it as UTF-8",
    )
    assert "UTF-16" in only_fault("a.com".encode("utf-16"), form, cluster)[1]
    assert only_fault("a\n\udc80", form, cluster)[0] == 2


# YAML.


def test_the_sample_is_read():
    assert parse(SAMPLE_YAML, "yaml") == SAMPLE
    assert parse(json.dumps(yaml.safe_load(SAMPLE_YAML)), "json") == SAMPLE


def test_every_fault_in_yaml_has_its_line():
    text = """\
# The third line is fine.
clusters:
  a1b2c3d4:
    domains:
      - exmaple..com
      - EXAMPLE.com
      - example.com
      - no
      - 5
      - 2001-01-01
      -
      - [a.com]
    domain: x
    credentials:
      empty:
      a b:
        allow_all_domains: true
      web:
        domains: example.com
        allow_ips: [203.0.113.5]
        allowed_ips: [203.0.113.5,
                      203.0.113.5/24]
        allow_all_ips: 1
  e5f6g7h8:
    domains:
    credentials: []
cluster: {}
"""
    faults = faults_of(text, "yaml")
    expected = [
        (5, '"exmaple..com" is not a domain name: an empty label'),
        (7, '"example.com" is there already; take one out (first in line 6)'),
        (8, "false is not a domain name; put the word in quotes (in YAML, yes, no, on and off"),
        (9, '"5" is not a domain name: it is a single label'),
        (10, '"2001-01-01" is not a domain name: it is a single label'),
        (11, "nothing (null) is not a domain name; write one, or take the item out"),
        (12, "a list is not a domain name; write one text for each"),
        (13, 'unknown key "domain"; did you mean domains?'),
        (15, '"empty" has no value; write domains or allow_all_domains: true below it'),
        (16, '"a b" cannot be a user: " " in it'),
        (19, "domains is a single string; write a list: domains: [example.com]"),
        (20, 'unknown key "allow_ips"; did you mean allowed_ips?'),
        (23, 'allow_all_ips is "1"; write true or false'),
        (25, "domains has no value; write [] for none, or leave the key out"),
        (26, '"credentials" is a list; write each user as a key'),
        (27, 'unknown key "cluster"; did you mean clusters?'),
    ]
    assert [line for line, _ in faults] == [line for line, _ in expected]
    for (_, message), (_, start) in zip(faults, expected, strict=True):
        assert message.startswith(start)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("clusters:\n\ta1: {}", 2, "indent with spaces, not with tabs"),
        ("clusters:\n  a1:\n    domains: [a.com,\n  b1: {}", 4, "expected ',' or ']'"),
        ("clusters:\n  a1:\n    domains: [a.com\n  b1: {}", 4, "; is a ] missing?"),
        ("clusters: {a1: {domains: []}\nb1: x", 2, "; is a } missing?"),
        ("clusters: {a: {domains: [@a.com]}}", 1, "put the value in quotes"),
        ("clusters:\n  a: b: c", 2, "put the value in quotes"),
        ("clusters:\n  'a1: {}\n", 2, "quoted scalar"),
        ("a: b: c", 1, "not valid YAML: mapping values are not allowed"),
        ("clusters: {}\n\n# \x07", 3, "a control character"),
        ("clusters:\n  ? [a]\n  : {}", 2, "a key that is no plain word"),
        ("clusters: {}\n---\nclusters: {}", 2, "a second document begins"),
        ("clusters:\n  a1: !!python/object:os.system {}", 2, "has no use for tags"),
        ("clusters:\n  a1: !cluster x", 2, "has no use for tags"),
        ("clusters:\n  a1: &a\n    credentials: *a", 3, '"*a" has nothing to stand for'),
        ("clusters:\n  a1: *unknown", 2, '"*unknown" has nothing to stand for'),
        ("clusters:\n  a1: &a {}\n  a2:\n    <<: *a", 4, "merge keys"),
        ("[" * 100_000, 1, ""),
        ("clusters:\n  a1: [\n" + "[" * 30 + "]" * 30 + "]", 3, "nested too deep"),
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_what_is_not_yaml_is_refused_in_one_line(monkeypatch, loader, text, line, why):
    monkeypatch.setattr(_yaml, "_LOADER", loader)
    found, message = only_fault(text, "yaml")
    assert why in message
    assert found == line
    assert "\n" not in message


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_lines_in_yaml_are_those_of_editors(monkeypatch, loader, end):
    monkeypatch.setattr(_yaml, "_LOADER", loader)
    text = f"clusters:\n  a1:\n    domains: ['a{end}b.com',\n     c..com"
    assert wrong_lines(f"{text}]", "yaml") == [3, 4]
    line, message = only_fault(f"a: '{end}'\n{text}\n  a2: x\n\n# The end.\nb:", "yaml")
    assert line == 6
    assert "that begins in line 4" in message
    assert only_fault(f"a: '{end}'\n\tb: c", "yaml")[1].endswith(
        "; indent with spaces, not with tabs"
    )


def test_a_key_that_comes_again_in_yaml_is_refused():
    text = """\
clusters:
  a1b2c3d4:
    domains: []
    domains: [a.com]
    credentials:
      web: {allow_all_domains: true}
      app: {allow_all_domains: true}
      web: {allow_all_domains: true}
      "web": {allow_all_domains: true}
  a1b2c3d4: {}
"""
    assert faults_of(text, "yaml") == [
        (4, 'the key "domains" is there already, in line 3; take one out'),
        (8, 'the key "web" is there already, in line 6; take one out'),
        (9, 'the key "web" is there already, in line 6; take one out'),
        (10, 'the key "a1b2c3d4" is there already, in line 2; take one out'),
    ]


def test_names_in_yaml_are_taken_as_they_are_written():
    text = """\
clusters:
  0123:
    credentials:
      no: {allow_all_domains: yes, allow_all_ips: On}
      12_3: {allow_all_domains: TRUE, allowed_ips: [1:2:3:4:5:6:7:8]}
  1e5: {}
"""
    assert parse(text, "yaml") == Manifest(
        clusters={
            "0123": ClusterSpec(
                credentials=[
                    CredentialSpec(user="no"),
                    CredentialSpec(user="12_3", allowed_ips=["1:2:3:4:5:6:7:8"]),
                ]
            ),
            "1e5": ClusterSpec(),
        }
    )


def test_what_is_in_quotes_in_yaml_is_a_string():
    text = 'clusters: {a1: {domains: ["no", "", a.com]}}'
    assert [message.partition(":")[0] for _, message in faults_of(text, "yaml")] == [
        '"no" is not a domain name',
        '"" is not a domain name',
    ]


def test_an_alias_stands_for_its_value():
    text = """\
clusters:
  a1b2c3d4:
    credentials:
      web: {allow_all_domains: true, allowed_ips: &office [203.0.113.5, 203.0.113.6]}
      app: {domains: [&name a.com], allowed_ips: *office}
      api: {domains: [*name], allow_all_ips: true}
"""
    api, app, web = parse(text, "yaml").clusters[CLUSTER].credentials
    assert web.allowed_ips == app.allowed_ips == ("203.0.113.5", "203.0.113.6")
    assert api.domains == ("a.com",)
    # Of what is wrong below an alias, the line is that of the alias.
    assert wrong_lines(text.replace("203.0.113.6", "203.0.113"), "yaml") == [4, 5]


def test_aliases_cannot_grow_without_bounds():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15)]
    started = time.perf_counter()
    assert "by aliases" in only_fault("\n".join(levels), "yaml")[1]
    assert time.perf_counter() - started < 10


def test_few_lines_with_aliases_do_not_make_a_million_faults():
    wrong = ", ".join(f"b!{number}" for number in range(990))
    lines = [
        f"  a0: {{domains: &d [{wrong}]}}",
        *(f"  a{n}: {{domains: *d}}" for n in range(1, 990)),
    ]
    assert only_fault("\n".join(["clusters:", *lines]), "yaml") == (
        103,
        "more than 100,000 values by aliases",
    )


def test_without_pyyaml_the_extra_is_named_and_json_works_all_the_same(tmp_path):
    (tmp_path / "a.yaml").write_text(SAMPLE_YAML)
    (tmp_path / "a.json").write_text(SAMPLE.to_json())
    program = """\
import sys
sys.modules["yaml"] = None
from unmta_async.provisioning.manifest import Manifest
print(Manifest.load("a.json"))
try:
    Manifest.load("a.yaml")
except ValueError as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [
        "1 cluster, 2 domains, 2 credentials",
        "a manifest in YAML needs PyYAML: pip install 'unmta-async[yaml]'.",
    ]


def test_pyyaml_is_loaded_only_to_read_yaml():
    program = """\
import sys
from unmta_async.provisioning.manifest import Manifest
manifest = Manifest.parse("a.com", format="txt", cluster="a1")
manifest.to_yaml()
assert Manifest.parse(manifest.to_json(), format="json") == manifest
assert "yaml" not in sys.modules
Manifest.parse(manifest.to_yaml(), format="yaml")
assert "yaml" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# What YAML and JSON may say.


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        ({}, '"web" needs domains or allow_all_domains: true'),
        ({"allowed_ips": ["203.0.113.5"]}, '"web" needs domains or allow_all_domains: true'),
        ({"allow_all_domains": False}, "allow_all_domains: false asks for domains"),
        ({"allow_all_domains": True, "domains": ["a.com"]}, "both domains and allow_all_domains"),
        ({"domains": []}, "for no domain at all"),
        ({"domains": [], "allow_all_domains": False}, "for no domain at all"),
        ({"domains": None}, "domains has no value; name them, or leave the key out"),
        ({"domains": {"a.com": True}}, "domains is a mapping; write a list"),
        ({"domains": True}, "domains is true; write a list"),
        ({"allow_all_domains": "true"}, 'allow_all_domains is "true"; write true or false'),
        ({"allow_all_domains": None}, "allow_all_domains is nothing; write true or false"),
        ({"domains": ["a.com"], "allowed_ips": []}, "for no address at all"),
        (
            {"domains": ["a.com"], "allowed_ips": ["203.0.113.5"], "allow_all_ips": True},
            "both allowed_ips and allow_all_ips",
        ),
        ({"domains": ["a.com"], "allow_all_ips": False}, "allow_all_ips: false asks for"),
        ({"domains": ["a.com"], "password": "hunter2"}, 'unknown key "password"'),
        (["a.com"], '"web" is a list; write domains'),
        ("a.com", '"web" is a string; write domains'),
        (5, '"web" is a number; write domains'),
    ],
)
def test_a_credential_that_contradicts_itself_is_refused(credential, why):
    tree = {"clusters": {CLUSTER: {"credentials": {"web": credential}}}}
    line, message = only_fault(json.dumps(tree), "json")
    assert why in message
    assert line == 1
    assert "hunter2" not in message
    text = yaml.safe_dump(tree, default_flow_style=False)
    if credential != {"allow_all_domains": "true"} and credential != 5:
        assert why in only_fault(text, "yaml")[1]


@pytest.mark.parametrize(
    ("credential", "domains", "ips"),
    [
        ({"domains": ["a.com"]}, ("a.com",), None),
        ({"domains": ["a.com"], "allow_all_domains": False}, ("a.com",), None),
        ({"allow_all_domains": True}, None, None),
        ({"allow_all_domains": True, "allow_all_ips": True}, None, None),
        ({"allow_all_domains": True, "allowed_ips": ["::1"]}, None, ("::1",)),
        (
            {"allow_all_domains": True, "allowed_ips": ["::1"], "allow_all_ips": False},
            None,
            ("::1",),
        ),
    ],
)
def test_a_credential_is_for_all_or_for_what_it_names(credential, domains, ips):
    tree = {"clusters": {CLUSTER: {"credentials": {"web": credential}}}}
    for text, form in ((json.dumps(tree), "json"), (yaml.safe_dump(tree), "yaml")):
        (web,) = parse(text, form).clusters[CLUSTER].credentials
        assert (web.domains, web.allowed_ips) == (domains, ips)


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (None, "it is nothing; a manifest is a mapping with the key clusters"),
        ([], "it is a list; a manifest is a mapping with the key clusters"),
        ("a.com", "it is a string; a manifest is a mapping"),
        ({}, "the key clusters is missing"),
        ({"clusters": None}, '"clusters" has no value'),
        ({"clusters": ["a1"]}, '"clusters" is a list'),
        ({"clusters": {"a1": None}}, '"a1" has no value; write domains and credentials below it'),
        ({"clusters": {"a1": ["a.com"]}}, '"a1" is a list'),
        ({"clusters": {"a 1": {}}}, '"a 1" cannot be the id of a cluster'),
        ({"clusters": {"a1": {"credentials": None}}}, '"credentials" has no value'),
        ({"clusters": {"a1": {"users": {}}}}, 'unknown key "users"; there is domains, credentials'),
        ({"a1b2c3d4": {"domains": []}}, 'unknown key "a1b2c3d4"; there is clusters'),
    ],
)
def test_what_has_another_shape_is_refused(tree, why):
    assert why in only_fault(json.dumps(tree), "json")[1]
    assert why in only_fault(yaml.safe_dump(tree), "yaml")[1]


def test_nothing_said_and_nothing_wished_are_kept_apart():
    said = parse('{"clusters": {"a1": {}, "a2": {"domains": [], "credentials": {}}}}', "json")
    assert said.clusters["a1"] == ClusterSpec(domains=None, credentials=None)
    assert said.clusters["a2"] == ClusterSpec(domains=(), credentials=())


def test_warnings_have_lines_too():
    text = SAMPLE_YAML.replace("[example.com]", "[example.com, EXAMPLE.com]")
    assert parse(text, "yaml").warnings == (
        'the file:6: "EXAMPLE.com" is there already; take one out (first in line 6)',
    )


# JSON.


def test_every_fault_in_json_has_its_line():
    text = """\
{
  "clusters": {
    "a1b2c3d4": {"domains": ["a.com",
      "b..com", "\\"{[,", "c.com",
      5, "A.com"
    ],
    "credentials": {
      "web": {
        "domains": ["a.com"], "domain": {"x": [1, {"y": 2}]},
        "allowed_ips": [
          "203.0.113.0/24"
          ,
          "203.0.113.5/24"]
      }}},
    "c\\"2": {"domains": null}
  }
}"""
    assert wrong_lines(text, "json") == [4, 4, 5, 5, 9, 13, 15, 15]
    assert "first in line 3" in faults_of(text, "json")[3][1]


def test_a_key_that_comes_again_in_json_is_refused():
    text = """\
{"clusters": {
  "a1": {"domains": [],
    "domains": ["a.com"]},
  "a2": {},
  "\\u00611": {}
}}"""
    assert faults_of(text, "json") == [
        (3, 'the key "domains" is there already, in line 2; take one out'),
        (5, 'the key "a1" is there already, in line 2; take one out'),
    ]


def test_of_a_key_that_comes_again_in_json_the_last_value_has_the_lines():
    text = """\
{"clusters": {"a1": {"domains": ["a.com", "b..com"]},
  "a1": {
    "domains": [
      "a.com",
      "c..com"
]}}}"""
    assert wrong_lines(text, "json") == [2, 5]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "expecting value"),
        ('{"clusters": {\n"a1": {}\n', 3, "expecting ',' delimiter"),
        ('{"clusters":\n{"a1": {}},}', 2, "(column "),
        ("{}\n{}", 2, "extra data"),
        ('{"clusters":\n "a\tb"}', 2, "control character"),
        ("[" * 200_000, None, "nested too deep"),
        ('{"clusters":\n' + "[" * 19 + "\n[" + "]" * 20 + "}", 3, "nested too deep"),
        ('{"a": {"b":\n' + "[" * 500 + "]" * 500 + '}, "a": 1}', 2, "nested too deep"),
        ('{"a": ' + "[" * 19 + '"[[\\"{"' + "]" * 19 + "}", 1, 'unknown key "a"'),
        ('{"clusters": ' + "9" * 5000 + "}", 1, '"clusters" is a number'),
        ('{"clusters": NaN}', 1, '"clusters" is a number'),
    ],
)
def test_what_is_not_json_is_refused_in_one_line(text, line, why):
    found, message = only_fault(text, "json")
    assert found == line
    assert why in message
    assert "\n" not in message


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)


@given(JSON, st.sampled_from([None, 1]))
def test_a_line_is_known_for_every_value_of_any_json(tree, indent):
    text = json.dumps(tree, indent=indent)
    lines = _lines_of_json(text)
    for path, line in _printed_lines(tree):
        assert lines[path] == (line if indent else 1)


def _lines_of_json(text):
    from unmta_async.provisioning.manifest._json import read_json

    return read_json(text).lines()


def _printed_lines(tree):
    """Yield the path of each value and the line that `json.dumps` with indentation gives it."""
    line = 1

    def walk(value, path):
        nonlocal line
        yield path, line
        if not isinstance(value, dict | list) or not value:
            return
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            line += 1
            yield from walk(inner, (*path, step))
        line += 1

    yield from walk(tree, ())


# Plain lines.


def test_plain_lines_are_names_and_comments():
    text = "# ours\n\n  a.com\nB.com. # the second\n\t\n#c.com"
    assert parse(text, "txt", CLUSTER) == TWO_DOMAINS
    assert parse(text, "txt", CLUSTER).clusters[CLUSTER].credentials is None


def test_every_fault_in_plain_lines_has_its_line():
    faults = faults_of("# ours\na.com\n\nb..com # no\nA.com\na.com b.com\r\nc..com", "txt", CLUSTER)
    assert [line for line, _ in faults] == [4, 5, 6, 7]
    assert "first in line 2" in faults[1][1]
    assert "give each name by itself" in faults[2][1]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_an_empty_file_is_not_the_wish_for_nothing(text):
    assert "write domains: []" in only_fault(text, "txt", CLUSTER)[1]
    assert "write domains: []" in only_fault("cluster,domain\n\n", "csv")[1]
    assert faults_of(text, "csv")
    assert faults_of(text, "yaml")


# CSV.


def test_a_csv_of_domains_speaks_of_domains_only():
    text = f"cluster,domain\n{CLUSTER},a.com\n{OTHER},c.com\n\n{CLUSTER}, B.com \n"
    assert parse(text, "csv").clusters == {
        CLUSTER: ClusterSpec(domains=["a.com", "b.com"], credentials=None),
        OTHER: ClusterSpec(domains=["c.com"], credentials=None),
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_of_credentials_speaks_of_credentials_only(delimiter):
    rows = [
        [" Cluster", "USER", "Domains", "Allowed IPs", "allow_all_domains ", "allow_all_ips", ""],
        [CLUSTER, "web", "a.com  b.com", "203.0.113.5 ::1", "", ""],
        [CLUSTER, "app", "", "", "TRUE", "yes", "", ""],
        ["", "", "", "", "", ""],
        [OTHER, "web", "a.com\nb.com", "", "0", ""],
    ]
    text = "\n".join(
        delimiter.join(f'"{cell}"' if "\n" in cell else cell for cell in row) for row in rows
    )
    assert parse(text, "csv").clusters == {
        CLUSTER: ClusterSpec(
            credentials=[
                CredentialSpec(user="app"),
                CredentialSpec(
                    user="web", domains=["a.com", "b.com"], allowed_ips=["203.0.113.5", "::1"]
                ),
            ]
        ),
        OTHER: ClusterSpec(credentials=[CredentialSpec(user="web", domains=["a.com", "b.com"])]),
    }


def test_every_fault_in_csv_has_the_line_that_its_row_begins_in():
    text = f"""\
{CREDENTIALS_HEADER}
a1,web,"a.com
b.com",,
a1,app,b..com,,

a1,"we
b",a.com,,
a1,x,,,
a1,y,a.com,,true
a1,z,a.com,203.0.113.5/24,
a1,few,a.com
a1,many,a.com,,,b.com
,none,a.com,,
a1,,a.com,,
a1,web,a.com,,
a1,maybe,a.com,,maybe
a1,commas,"a.com,b.com",,
"""
    faults = faults_of(text, "csv")
    expected = [
        (4, "an empty label"),
        (6, 'cannot be a user: "\\n" in it'),
        (8, '"x" needs domains or allow_all_domains'),
        (9, "both domains and allow_all_domains"),
        (10, "did you mean 203.0.113.0/24"),
        (11, "the row has 3 cells, and the header has 5"),
        (12, "the row has 6 cells, and the header has 5"),
        (13, "the cell cluster is empty"),
        (14, "the cell user is empty"),
        (15, 'the user "web" is there already, in line 2'),
        (16, 'allow_all_domains is "maybe"; write true or false'),
        (17, "give each name by itself"),
    ]
    assert [line for line, _ in faults] == [line for line, _ in expected]
    for (_, message), (_, why) in zip(faults, expected, strict=True):
        assert why in message


def test_a_domain_that_comes_again_in_csv_is_refused_with_both_lines():
    text = "cluster,domain\na1,a.com\na2,b.com\na2,A.com\na1,A.com\n"
    assert faults_of(text, "csv") == [
        (5, '"A.com" is there already; take one out (first in line 2)')
    ]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("a1b2c3d4,a.com", "the column domain is missing"),
        ("cluster,domains", 'unknown column "domains"; did you mean domain?'),
        ("cluster,domain,domain", "the column domain is there twice"),
        ("cluster,domain,note", 'unknown column "note"; there is cluster, domain'),
        ("cluster,,domain", 'unknown column ""'),
        ("cluster,domain,user", 'unknown column "domain"'),
        ("cluster,user,domains,allow_all_domains", "the column allowed_ips is missing"),
        ("cluster,user,domains,allowed_ip,allow_all_domains", "did you mean allowed_ips?"),
        ("cluster|domain", "the first line is a header, cluster,domain or cluster,user,"),
    ],
)
def test_another_header_is_refused(header, why):
    line, message = only_fault(f"\n{header}\n1,2,3,4,5\n", "csv")
    assert why in message
    assert line == 2


def test_a_quote_that_never_ends_is_refused_where_it_begins():
    line, message = only_fault('cluster,domain\na1,a.com\na1,"b.com\na1,c.com\n', "csv")
    assert line == 3
    assert "not valid CSV from here on" in message
    assert only_fault('cluster,domain\na1,"b.com"x\n', "csv")[0] == 2


def test_a_cell_may_be_as_long_as_the_limit_of_csv_which_is_left_alone(monkeypatch):
    names = [f"d{n:04}.example.com" for n in range(7000)]
    rows = [CREDENTIALS_HEADER, f"a1,web,{' '.join(names)},,", f"a1,app,{' '.join(names * 2)},,"]
    before = csv.field_size_limit()
    assert len(rows[1]) < before < len(rows[2])
    monkeypatch.setattr(csv, "field_size_limit", _reads_only)
    (web,) = parse("\n".join(rows[:2]), "csv").clusters["a1"].credentials
    assert len(web.domains) == 7000
    line, message = only_fault("\n".join(rows), "csv")
    assert line == 3
    assert "a cell of more than 131,072 characters; close its quote, or write" in message


def _reads_only():
    return 131_072


# What is foreign in messages.

NASTY = [
    *("\x1b]0;x\x07", "\x9b2J", "\u202e", "\u2028", "\x85", "\ud800", "\ue000", "\0", "\\e[31m"),
    *(
        "\\u001b",
        "\\ud800",
        "\\udc80",
        "\t",
        '"',
        "'",
        "&",
        "*",
        "!x\x1b ",
        "%",
        "`",
        "[",
        "}",
        ",",
    ),
]
SAMPLES = [
    ("yaml", SAMPLE_YAML, None),
    ("yaml", 'clusters: {"a1": {"domains": "a.com", credentials: {u: {domains: "x"}}}}', None),
    ("json", SAMPLE.to_json(), None),
    ("json", '{"clusters": {"a1": {"domains": "a.com", "credentials": {"u": 5}}}}', None),
    ("csv", "cluster\tdomain\na1\ta.com\n", None),
    ("csv", f'{CREDENTIALS_HEADER}\na1,web,"a.com b.com",::1,\n', None),
    ("txt", "# ours\na.com # it\nB.com\n", "a1"),
]
CHANGES = st.lists(st.tuples(st.integers(0, 400), st.sampled_from(NASTY)), min_size=1, max_size=4)


@given(st.sampled_from(SAMPLES), CHANGES)
@example(SAMPLES[1], [(31, "\\e[31m")])
@example(SAMPLES[3], [(36, "\\ud800")])
@example(("csv", 'cluster\tdomain\na1\t"a.com"x\n', None), [])
def test_no_foreign_text_makes_a_message_that_cannot_be_printed(sample, changes):
    form, text, cluster = sample
    for position, piece in changes:
        position %= len(text)
        text = text[:position] + piece + text[position:]
    try:
        said = [*parse(text, form, cluster).warnings]
    except UsageError as error:
        said = str(error).split("\n")
    for line in said:
        assert line.isprintable()
        line.encode()


# Size.


@pytest.mark.parametrize("form", ["yaml", "json", "csv", "txt"])
def test_no_more_faults_than_anybody_mends_are_kept(form):
    names = [f"b!{number}" for number in range(6000)]
    rows = [name if number else "" for number, name in enumerate(names)]
    text = {
        "yaml": "clusters:\n  a1:\n    domains:\n      - " + "\n      - ".join(names),
        "json": json.dumps({"clusters": {"a1": dict.fromkeys(names)}}),
        "csv": "domain,cluster\n" + "\n".join(f"{name}," for name in rows),
        "txt": "\n".join(names),
    }[form]
    with pytest.raises(ManifestError) as caught:
        parse(text, form, "a1" if form == "txt" else None)
    assert len(caught.value.faults) == 5000
    assert str(caught.value).endswith("\nand at least 4,950 more")


def test_deep_json_with_many_values_takes_no_more_memory_than_flat():
    def peak(depth):
        text = '{"x":' + "[" * depth + "1," * 20_000 + "1" + "]" * depth + "}"
        tracemalloc.start()
        try:
            only_fault(text, "json")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(900) < 2 * peak(2)


@pytest.mark.parametrize("form", ["txt", "csv", "json", "yaml"])
def test_a_hundred_thousand_domains_load_in_seconds(form):
    names = [f"d{n}.example.com" for n in range(100_000)]
    text = {
        "txt": "\n".join(names),
        "csv": "domain\n" + "\n".join(names),
        "json": json.dumps({"clusters": {CLUSTER: {"domains": names}}}),
        "yaml": "clusters:\n  a1b2c3d4:\n    domains:\n      - " + "\n      - ".join(names),
    }[form]
    started = time.perf_counter()
    manifest = parse(text, form, CLUSTER if form in {"txt", "csv"} else None)
    assert time.perf_counter() - started < 20  # a fraction of a second; machines may be busy
    assert str(manifest) == "1 cluster, 100,000 domains"
