"""Records written down, read back with the parser of the program that each format is for."""

import csv
import io
import json
import re
from collections import Counter
from typing import get_args

import attrs
import dns.zone
import hcl2
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone

from unmta_async import UsageError
from unmta_async.dns import Format, Record, render

KEY = "p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 12 + "MIIBIjAN"
DMARC = "v=DMARC1; p=reject; adkim=s; aspf=r"
FORMATS = get_args(Format)
SETS = ("bind", "octodns", "terraform")
quick = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def record(value="x", name="_dmarc", zone="example.com.", **changes):
    fqdn = zone if name == "@" else f"{name}.{zone}"
    told = {"type": "TXT", "fqdn": fqdn, "name": name, "value": value, "ttl": 60}
    return Record(**told | {"name_in_domain": "unmta._domainkey"} | changes)


EVERY_TYPE = [
    record(KEY, "unmta._domainkey"),
    record(DMARC),
    record("v=spf1 -all", "@"),
    record("203.0.113.1", "m", type="A"),
    record("203.0.113.2", "m", type="A"),
    record("2001:db8::1", "m", type="AAAA"),
    record("10 mx1.a.de", "m", type="MX"),
    record("20 mx2.a.de.", "m", type="MX"),
    record("c-1.unmta.net", "bounce", type="CNAME"),
    record("ns1.a.de", "sub", type="NS"),
    record("host.a.de", "1", type="PTR"),
]
MEANT = {
    ("_dmarc", "TXT"): {DMARC},
    ("unmta._domainkey", "TXT"): {KEY},
    ("@", "TXT"): {"v=spf1 -all"},
    ("m", "A"): {"203.0.113.1", "203.0.113.2"},
    ("m", "AAAA"): {"2001:db8::1"},
    ("m", "MX"): {"10 mx1.a.de.", "20 mx2.a.de."},
    ("bounce", "CNAME"): {"c-1.unmta.net."},
    ("sub", "NS"): {"ns1.a.de."},
    ("1", "PTR"): {"host.a.de."},
}


# What the programs make of it: {(name in the zone, type): values}.


def read_bind(text, zone="example.com."):
    parsed = dns.zone.from_text(text, origin=zone, check_origin=False)
    found = {}
    for name, _, data in parsed.iterate_rdatas():
        value = data.to_text(origin=parsed.origin, relativize=False)
        if data.rdtype.name == "TXT":
            value = b"".join(data.strings).decode()
        found.setdefault((name.to_text(), data.rdtype.name), set()).add(value)
    return found


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("octodns")


def populated(directory, text, zone="example.com."):
    (directory / f"{zone}yaml").write_text(text, encoding="ascii")
    loaded = Zone(zone, [])
    YamlProvider("config", str(directory), escaped_semicolons=True).populate(loaded)
    loaded.validate()
    return loaded


def octodns_values(entry):
    if entry._type == "TXT":
        return {value.to_raw_text() for value in entry.values}
    if entry._type == "MX":
        return {f"{value.preference} {value.exchange}" for value in entry.values}
    return {str(value) for value in getattr(entry, "values", None) or [entry.value]}


def read_octodns(directory, text, zone="example.com."):
    return {
        (entry.name or "@", entry._type): octodns_values(entry)
        for entry in populated(directory, text, zone).records
    }


def hcl(quoted):
    """Return the value of an HCL string; its escapes that are used here are JSON's, too."""
    return json.loads(quoted)


def resources(text):
    for block in hcl2.loads(text).get("resource", []):
        [(kind, labelled)] = block.items()
        assert hcl(kind) == "aws_route53_record"
        [(label, fields)] = labelled.items()
        yield hcl(label), fields


def route53_strings(value):
    """Read what the provider makes of a value, as Route 53 does: quoted strings, octal escapes."""

    def char(match):
        return bytes([int(match[1], 8)]) if match[1] else match[2]

    assert re.fullmatch(r'"([^"\\]|\\.)*"( "([^"\\]|\\.)*")*', f'"{value}"')
    strings = re.findall(rb'"((?:[^"\\]|\\.)*)"', f'"{value}"'.encode("ascii"))
    return [re.sub(rb"\\(?:([0-7]{3})|(.))", char, piece) for piece in strings]


def read_terraform(text, zone="example.com"):
    found = {}
    for _, fields in resources(text):
        kind, name = hcl(fields["type"]), hcl(fields["name"])
        values = [hcl(value) for value in fields["records"]]
        if kind == "TXT":
            values = [b"".join(route53_strings(value)).decode() for value in values]
        key = ("@" if name == zone else name.removesuffix(f".{zone}"), kind)
        assert key not in found
        found[key] = set(values)
    return found


# Every format.


def test_bind_is_read_by_dnspython():
    assert read_bind(render(EVERY_TYPE, "bind")) == MEANT


def test_octodns_is_read_and_validated_by_octodns(directory):
    assert read_octodns(directory, render(EVERY_TYPE, "octodns")) == MEANT


def test_terraform_is_read_by_python_hcl2():
    assert read_terraform(render(EVERY_TYPE, "terraform")) == MEANT


def test_json_has_all_fields_in_order():
    found = json.loads(render(EVERY_TYPE, "json"))
    assert found == [attrs.asdict(entry) for entry in EVERY_TYPE]
    assert list(found[0]) == ["type", "fqdn", "name", "value", "ttl", "name_in_domain"]


def test_csv_has_a_header_and_a_row_a_record():
    text = render(EVERY_TYPE, "csv")
    assert text.startswith("type,fqdn,name,value,ttl,name_in_domain\r\n")
    assert text.count("\r\n") == len(EVERY_TYPE) + 1
    rows = csv.DictReader(io.StringIO(text, newline=""))
    assert [row | {"ttl": int(row["ttl"])} for row in rows] == list(map(attrs.asdict, EVERY_TYPE))


# Any text. The second field says that it is one record, whatever is in its value.

texts = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from('"\\;${}%#\n\r\t\0 ,aü'), max_size=20),
    st.text("ab;\"' {$", min_size=200, max_size=600),
)


def any_text(test):
    for text in (
        "",
        KEY,
        DMARC,
        '"',
        '""',
        'a" "b',
        "\\;",
        "$${a}",
        "$$${",
        "%%{",
        "\\",
        "ü" * 200,
    ):
        test = example(text)(test)
    return quick(given(texts)(test))


@any_text
def test_bind_gives_any_text_back(text):
    assert read_bind(render([record(text)], "bind")) == {("_dmarc", "TXT"): {text}}


@any_text
def test_terraform_gives_any_text_back_in_strings_of_255_bytes(text):
    written = render([record(text)], "terraform")
    assert written.isascii()
    assert read_terraform(written) == {("_dmarc", "TXT"): {text}}
    [(_, fields)] = resources(written)
    assert max(map(len, route53_strings(hcl(fields["records"][0])))) <= 255


@any_text
def test_terraform_has_nothing_to_evaluate_in_a_value(text):
    *_, values = render([record(text)], "terraform").partition("records = ")
    assert not re.search(r"[$%]\{", values)


@any_text
def test_json_gives_any_text_back(text):
    assert json.loads(render([record(text)], "json"))[0]["value"] == text


@any_text
def test_csv_gives_any_text_back(text):
    rows = list(csv.DictReader(io.StringIO(render([record(text)], "csv"), newline="")))
    assert [row["value"] for row in rows] == [text]


@any_text
def test_octodns_gives_any_text_back_that_it_can_hold(directory, text):
    printable = all(" " <= char <= "~" and char != "\\" for char in text)
    if not printable or '" "' in text:
        with pytest.raises(UsageError, match="octoDNS wants ASCII"):
            render([record(text)], "octodns")
        return
    written = render([record(text)], "octodns")
    assert read_octodns(directory, written) == {("_dmarc", "TXT"): {text}}


def test_octodns_has_escaped_semicolons_and_one_long_value(directory):
    written = yaml.safe_load(render([record(KEY, "k"), record(DMARC)], "octodns"))
    assert written["_dmarc"][0]["values"] == [DMARC.replace(";", "\\;")]
    assert written["k"][0]["values"] == [KEY]


# Sets.


@pytest.mark.parametrize("form", SETS)
def test_several_records_of_one_name_are_one_set_with_the_lowest_ttl(form, directory):
    both = [record("b"), record("a", "other"), record("a", ttl=30), record("b", ttl=90)]
    if form == "bind":
        zone = dns.zone.from_text(
            render(both, "bind"), origin="example.com.", check_origin=False, relativize=False
        )
        found = {
            (name.to_text(), data.ttl, len(data)) for name, data in zone.iterate_rdatasets("TXT")
        }
    elif form == "octodns":
        loaded = populated(directory, render(both, form))
        found = {(entry.fqdn, entry.ttl, len(entry.values)) for entry in loaded.records}
    else:
        found = {
            (f"{hcl(fields['name'])}.", fields["ttl"], len(fields["records"]))
            for _, fields in resources(render(both, form))
        }
    assert found == {("_dmarc.example.com.", 30, 2), ("other.example.com.", 60, 1)}


@pytest.mark.parametrize("form", SETS)
def test_the_same_record_twice_is_written_once(form):
    """Route 53 and Cloudflare refuse a value that is there twice; names know no case."""
    again = [record("c.de", "W", type="NS"), record("c.de.", "w", type="NS")]
    assert render(again, form).count("c.de") == 1


@pytest.mark.parametrize("form", SETS)
@pytest.mark.parametrize(
    "other", [record("d.de", "w", type="CNAME"), record("x", "w"), record("x", "W")]
)
def test_a_cname_stands_alone(form, other):
    with pytest.raises(UsageError, match=r"CNAME w\.example\.com\. .* stands alone"):
        render([record("c.de", "w", type="CNAME"), other], form)


@pytest.mark.parametrize("form", ["octodns", "terraform"])
def test_a_zone_has_no_cname_of_its_own(form):
    with pytest.raises(UsageError, match="a zone has no CNAME of its own"):
        render([record("c.de", "@", type="CNAME")], form)


@pytest.mark.parametrize("form", SETS)
def test_a_record_in_two_zones_is_refused(form):
    wide = record("x", "_dmarc.m", "example.com.")
    narrow = record("x", "_dmarc", "m.example.com.")
    with pytest.raises(UsageError, match=r"two zones, example\.com\. and m\.example\.com\."):
        render([wide, narrow], form)


@pytest.mark.parametrize("form", SETS)
@pytest.mark.parametrize("name", ["other", "_dmarc.exam", "_dmarc.example.com"])
def test_a_name_of_another_zone_is_refused(form, name):
    with pytest.raises(UsageError, match="its name in the zone"):
        render([record(fqdn="_dmarc.example.com.", name=name)], form)


# Zones.


def test_octodns_has_a_document_a_zone_that_names_its_file(directory):
    text = render([record("1"), record("2", zone="b.de."), record("3", "k")], "octodns")
    documents = re.split(r"^(?=---$)", text, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[1] for part in documents] == ["# example.com.yaml", "# b.de.yaml"]
    assert len(list(yaml.safe_load_all(text))) == 2
    first, second = documents
    assert set(read_octodns(directory, first)) == {("_dmarc", "TXT"), ("k", "TXT")}
    assert set(read_octodns(directory, second, "b.de.")) == {("_dmarc", "TXT")}


def test_octodns_loads_no_file_of_two_zones(directory):
    """So that a forgotten split is an error, and not the records of one zone in another."""
    text = render([record(), record(zone="b.de.")], "octodns")
    with pytest.raises(yaml.YAMLError, match="expected a single document"):
        populated(directory, text)


@quick
@given(st.lists(st.from_regex(r"[a-c01]{1,3}([a-c_-][0-2]{1,3})?", fullmatch=True), unique=True))
@example(["a10", "a2", "@", "1", "01", "no", "null", "*", "_a", "a-1"])
def test_octodns_finds_names_in_the_order_it_demands(directory, names):
    text = render([record("x", name) for name in names], "octodns")
    assert {name for name, _ in read_octodns(directory, text)} == set(names)


def test_terraform_asks_for_the_id_of_each_zone():
    text = render([record(), record(zone="b.de.")], "terraform")
    [variable] = hcl2.loads(text)["variable"]
    assert list(map(hcl, variable)) == ["zone_ids"]
    zones = [fields["zone_id"] for _, fields in resources(text)]
    assert zones == ['${var.zone_ids["example.com"]}', '${var.zone_ids["b.de"]}']


LABEL = st.from_regex(r"[ab_-]{0,4}[ab]", fullmatch=True).filter(lambda text: text[0] != "-")
NAMES = st.lists(LABEL, min_size=1, max_size=3).map(".".join)


@quick
@given(st.lists(NAMES, min_size=2, unique=True))
@example(["a-b", "a.b", "a_b", "a._b", "a.__b", "a___b", "_a.b", "_a_b", "*.a", "star.a", "txt.a"])
def test_terraform_labels_are_identifiers_and_never_the_same(names):
    labels = [label for label, _ in resources(render([record("x", n) for n in names], "terraform"))]
    assert len(set(labels)) == len(names)
    assert all(re.fullmatch(r"[a-z_][A-Za-z0-9_-]*", label) for label in labels)


def test_a_terraform_label_depends_on_name_and_type_only():
    one = record("203.0.113.1", "m", type="A")
    [(label, _)] = resources(render([one], "terraform"))
    told = [label for label, _ in resources(render([record(), record("v", "m"), one], "terraform"))]
    assert told == ["txt___dmarc_example_com", "txt_m_example_com", label]
    assert label == "a_m_example_com"


# What is refused, by every format.

HOSTILE = [
    ("A", "203.0.113.1\nevil. 1 IN A 203.0.113.9"),
    ("A", "203.0.113.1\n"),
    ("A", "2001:db8::1"),
    ("A", "203.0.113.\u0661"),
    ("AAAA", "203.0.113.1"),
    ("AAAA", 'fe80::1%" }'),
    ("CNAME", "a.de b.de"),
    ("CNAME", "a.de\tb"),
    ("CNAME", "a.de.\n"),
    ("CNAME", "a..de"),
    ("CNAME", "${a}.de"),
    ("CNAME", '"a".de'),
    ("CNAME", "bücher.de"),
    ("CNAME", "@"),
    ("CNAME", "localhost"),
    ("CNAME", "a.de;"),
    ("CNAME", f"{'a' * 64}.de"),
    ("CNAME", "a." * 126 + "de"),
    ("NS", "-a.de"),
    ("PTR", ""),
    ("MX", "mx.a.de"),
    ("MX", "10  mx.a.de"),
    ("MX", "10 mx.a.de 20"),
    ("MX", "65536 mx.a.de"),
    ("MX", "-1 mx.a.de"),
    ("MX", "\u0661\u0660 mx.a.de"),
    ("TXT", "half \ud83d"),
]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("kind", "value"), HOSTILE)
def test_a_value_that_is_none_of_its_type_is_refused(form, kind, value):
    with pytest.raises(UsageError, match=rf"the record {kind} w\.example\.com\. cannot be written"):
        render([record(value, "w", type=kind)], form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "fqdn",
    [
        *("", ".", "a.de", "a b.de.", "a.de.\n", "a.de.\nb.de.", '"a".de.', "${a}.de.", "a;.de."),
        *(
            "ü.de.",
            "a..de.",
            "-a.de.",
            "a-.de.",
            "a_.de.",
            "a*.de.",
            "a.*.de.",
            f"{'a' * 64}.de.",
            "a." * 128,
            "<<: *a.",
        ),
    ],
)
def test_a_name_that_is_none_is_refused(form, fqdn):
    with pytest.raises(UsageError, match="cannot be written: its name is none"):
        render([record(fqdn=fqdn, name="@")], form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["SVCB", "CAA", "txt", "TXT\n", ""])
def test_other_types_are_refused_by_name(form, kind):
    with pytest.raises(
        UsageError, match="render knows A, AAAA, CNAME, MX, NS, PTR and TXT"
    ) as info:
        render([record(type=kind)], form)
    assert f"the record {kind.strip()}" in str(info.value)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ttl", [-1, 2**31])
def test_a_ttl_out_of_range_is_refused(form, ttl):
    with pytest.raises(UsageError, match=f"its ttl is {ttl}; it must be from 0 to 2147483647"):
        render([record(ttl=ttl)], form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ttl", [0, 2**31 - 1])
def test_a_ttl_at_the_end_of_its_range_is_written(form, ttl):
    assert str(ttl) in render([record(ttl=ttl)], form)


# The whole.


def test_no_records_are_no_text_but_valid_data():
    written = {form: render([], form) for form in FORMATS}
    assert written == {
        "bind": "",
        "octodns": "",
        "terraform": "",
        "json": "[]\n",
        "csv": "type,fqdn,name,value,ttl,name_in_domain\r\n",
    }


@pytest.mark.parametrize("form", FORMATS)
def test_an_iterator_of_records_is_enough_and_the_text_is_the_same_again(form):
    assert render(iter(EVERY_TYPE), form) == render(EVERY_TYPE, form)


@pytest.mark.parametrize("form", SETS)
def test_a_set_is_the_same_whatever_stands_around_it(form):
    """A new domain adds lines, and changes none: what is under version control stays readable."""
    fewer, more = (
        Counter(render(told, form).splitlines()) for told in (EVERY_TYPE[:4], EVERY_TYPE)
    )
    assert fewer - more == Counter()


def test_an_unknown_format_is_told_the_known_ones():
    with pytest.raises(UsageError) as info:
        render([], "BIND")
    for known in ("BIND", *FORMATS):
        assert repr(known) in str(info.value)
