"""Whatever lies in the bucket: each parser takes what a machine of ours writes, and refuses the rest by name."""

import dataclasses
import gzip
import json
import random
from datetime import datetime, timezone

import pytest
from openclaw.lifecycle import handover
from openclaw.state.engines.base import SnapshotMetadata
from openclaw.state.engines.mirror import intents, items, names
from openclaw.state.engines.mirror.manifest import Item
from openclaw.state.engines.restic import tags
from openclaw.state.guards import lease
from openclaw.state.guards.paths import is_relative
from openclaw.state.restore import request
from openclaw.system import documents, signing
from openclaw.system.errors import Refused

KEY = "k" * 43
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=timezone.utc)
LEASE = {"generation": 3, "nonce": "ab" * 16, "instance": "i-0123456789abcdef0", "bucket": "b"}
WISH = {"generation": 3, "instance": "i-0123456789abcdef0"}
RECORD = {
    "reason": "interruption",
    "since": "2026-11-27T12:00:00+00:00",
    "clean": True,
    "last_backup": {"generation": 3, "sequence": 7, "at": 1795000000.5},
}
REQUEST = {"snapshot": "0123abcd", "paths": ["workspace/notes.md"]}
FILE = dataclasses.asdict(
    Item("workspace/a", "file", 0o644, 1000, 1000, 5, size=3, sha256="0" * 64, etag="0" * 32, version="v")
)

SCALARS = [
    None, True, False, 0, 1, -1, 3, 1 << 31, (1 << 31) + 1, 1 << 64, -(1 << 64), 1.5, 1e300, "", "x", "i-0", "..", "/",
    "../x", "a\nb", "\x1b[2J", "\0", "\ud800", "é" * 300, "workspace/a", "2026-11-27T12:00:00Z", "9" * 400,
]  # fmt: skip


def values(seed, count):
    """Random JSON values of every shape, some of them with the names of known fields."""
    chance = random.Random(seed)  # noqa: S311
    known = [*LEASE, *RECORD, *REQUEST, *FILE, "released", "ending", "at", "", "hmac"]

    def value(depth):
        kind = chance.random()
        if depth == 0 or kind < 0.5:
            return chance.choice(SCALARS)
        if kind < 0.7:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        return {chance.choice(known): value(depth - 1) for _ in range(chance.randrange(6))}

    return [value(3) for _ in range(count)]


def changed(good, seed, count):
    """A good document with one field of another shape, without one, or with a strange one."""
    chance = random.Random(seed)  # noqa: S311
    for odd in values(seed + 1, count):
        document = json.loads(json.dumps(good))
        name = chance.choice([*document, "strange"])
        if chance.random() < 0.1:
            document.pop(name, None)
        else:
            document[name] = odd
        yield document


def text(value):
    return json.dumps(value).encode()


def read_lease(body):
    return lease.LeaseRecord(**documents.read(body, lease.FIELDS))


def read_manifest(body, tmp_path, signed=True, snapshot_id="1"):
    path = tmp_path / "manifest"
    if signed:
        mac = signing.begin(KEY, items.KIND, snapshot_id)
        mac.update(body)
        body += text(dataclasses.asdict(Item("", "directory", 0o700, 0, 0, 0, target=mac.hexdigest())))
    path.write_bytes(gzip.compress(body))
    return items.read(path, snapshot_id, KEY)


def read_record(body, monkeypatch, tmp_path):
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setattr(handover, "STATE_KEY", str(tmp_path / "key"))
    monkeypatch.setattr(handover, "KEY_MADE", str(tmp_path / "made"))
    monkeypatch.setenv("STATE_BUCKET", "bucket")
    return handover._parsed(body)


PARSERS = {
    "lease": (LEASE, lambda value: read_lease(text(value))),
    "wish": (WISH, lambda value: documents.read(text(value), lease.WISH)),
    "request": (REQUEST, lambda value: request._parse(documents.load(text(value)), "etag")),
    "record": (RECORD, lambda value: documents.read(text(value), handover.FIELDS)),
    "item": (FILE, lambda value: documents.read(text(value), items.FIELDS)),
    "intent": ({"mirror/workspace/a": "0" * 32}, lambda value: intents.unpack(text(value), "1", KEY, unsigned=True)),
}


@pytest.mark.parametrize("name", PARSERS)
def test_what_a_machine_writes_is_taken(name):
    good, parse = PARSERS[name]
    assert parse(good)


@pytest.mark.parametrize("name", PARSERS)
def test_no_shape_of_json_does_anything_but_be_refused(name):
    good, parse = PARSERS[name]
    for value in [*values(1, 3000), *changed(good, 2, 3000)]:
        try:
            parse(value)
        except (documents.Malformed, Refused) as error:
            # What goes to a log is one line, whatever it is about.
            assert "\n" not in str(error) and "\x1b" not in str(error) and str(error)
        except ValueError as error:
            assert name == "request" and "must be a time" in str(error)


BODIES = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"nonsense",
    b"NaN",
    b'{"generation": NaN}',
    b"[" * 60000,
    b'{"a":' * 12000,
    b"9" * 6000,
]


@pytest.mark.parametrize("body", [*BODIES, b" " * (documents.LIMIT + 1)], ids=lambda body: f"{body[:8]!r}*{len(body)}")
def test_no_bytes_do_anything_but_be_refused(body):
    with pytest.raises(documents.Malformed):
        read_lease(body)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("generation", 0, "generation must be a whole number from 1 to 2147483648, got 0"),
        ("generation", True, "generation must be a whole number from 1 to 2147483648, got true"),
        ("generation", "3", 'generation must be a whole number from 1 to 2147483648, got "3"'),
        ("generation", (1 << 31) + 1, "got 2147483649"),
        ("instance", "i-1; reboot", 'instance must be an instance id like i-0123456789abcdef0, got "i-1; reboot"'),
        ("released", 1, "released must be true or false, got 1"),
        ("nonce", ["x"], 'nonce must be text of 1 to 128 printable ASCII characters, got ["x"]'),
    ],
)
def test_a_refusal_names_key_and_value(field, value, said):
    with pytest.raises(documents.Malformed) as refused:
        read_lease(text({**LEASE, field: value}))
    assert said in str(refused.value)


def test_every_fault_is_said_at_once():
    with pytest.raises(documents.Malformed, match=r"generation is missing.*instance must be"):
        read_lease(text({"nonce": "n", "instance": 5, "bucket": "b"}))


def test_a_word_of_a_newer_version_in_a_lease_is_none_to_stop_at():
    assert read_lease(text({**LEASE, "patience": {"seconds": 9}, "state": "x"})).generation == 3
    newer = {**WISH, "state": "prepared", "nonce": "n", "base": {"engine": "mirror", "sequence": 2}}
    assert documents.read(text(newer), lease.WISH) == WISH


def test_an_unknown_word_in_a_request_is_a_fault():
    with pytest.raises(Refused, match="it must be"):
        request._parse({**REQUEST, "path": "workspace"}, "")


@pytest.mark.parametrize(
    "path",
    ["", "/", ".", "workspace/..", "workspace//x", "/workspace/x", "workspace/x/", "elsewhere/x", "workspace/\0",
     "workspace/\ud800", "workspace/" + "x" * 256, "workspace" + "/x" * 2100],
)  # fmt: skip
def test_what_is_no_path_below_the_roots(path):
    assert not is_relative(path)


def test_what_is_one():
    assert all(map(is_relative, ["workspace", ".openclaw/x/ y", "workspace/\udcff", "workspace/a\nb"]))


def line(**fields):
    return text({**FILE, **fields}) + b"\n"


def test_a_signed_manifest_is_read(tmp_path):
    assert [
        item.path
        for item in read_manifest(line() + line(path="workspace/b", kind="hardlink", target="workspace/a"), tmp_path)
    ] == [
        "workspace/a",
        "workspace/b",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (line(path="/etc/cron.d/x"), "path must be a path below"),
        (line(path="workspace/../../etc/x"), "path must be a path below"),
        (line(path="workspace/\0"), "path must be a path below"),
        (line(kind="device"), 'kind must be one of file, directory, link, hardlink, got "device"'),
        (line(mode=0o10000), "mode must be a whole number from 0 to 4095"),
        (line(mode="0644"), "mode must be a whole number"),
        (line(size=-1), "size must be a whole number"),
        (line(mtime_ns=1 << 70), "mtime_ns must be a whole number"),
        (line(stored="lease.json"), "stored must be a key below"),
        (line(stored="mirror/manifests/x"), "stored must be a key below"),
        (line() + line(), '"workspace/a" is in it twice'),
        (line(kind="link", target="/etc") + line(path="workspace/a/b"), 'is below "workspace/a", a link'),
        (line() + line(path="workspace/a/b"), "a file"),
        (line(path="workspace", kind="link", target="/etc"), "workspace must be a directory, got a link"),
        (line(kind="hardlink", target="/etc/shadow"), "must be to a file of this manifest"),
        (line(kind="link", target="x") + line(path="workspace/b", kind="hardlink", target="workspace/a"), "must be to"),
        (line(kind="link", target=""), "has no target"),
        (b"[]\n", "it must be an object of path, kind"),
        (b"{\n", "not JSON that can be read"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)  # fmt: skip
def test_a_manifest_that_would_act_elsewhere_is_refused_even_if_signed(body, said, tmp_path):
    with pytest.raises(documents.Malformed) as refused:
        read_manifest(body, tmp_path)
    assert said in str(refused.value) and str(refused.value).startswith(("line ", '"', "the ", "workspace"))


def test_modes_and_owners_come_in_harmless(tmp_path, capsys):
    body = line(mode=0o6755, uid=0, gid=7) + line(path="workspace/d", kind="directory", mode=0o3775, size=0)
    file, directory = read_manifest(body, tmp_path)
    assert (file.mode, file.uid, file.gid) == (0o755, 1000, 1000)
    assert directory.mode == 0o3775
    assert "1 entries of another owner than 1000" in capsys.readouterr().err


def test_a_manifest_of_another_name_key_or_content_is_not_signed(tmp_path):
    good = line()
    assert read_manifest(good, tmp_path)
    packed = gzip.decompress((tmp_path / "manifest").read_bytes())
    for body, name, key in ((packed, "2", KEY), (packed, "1", "x" * 43), (packed.replace(b"420", b"436"), "1", KEY)):
        (tmp_path / "manifest").write_bytes(gzip.compress(body))
        with pytest.raises(documents.Malformed, match="not signed"):
            items.read(tmp_path / "manifest", name, key)
    with pytest.raises(documents.Malformed, match="not signed"):
        read_manifest(good, tmp_path, signed=False)


def test_each_field_of_an_item_is_held_to_something():
    assert set(items.FIELDS) == {field.name for field in dataclasses.fields(Item)}


def test_a_packed_line_without_end_is_refused_before_it_is_in_memory(tmp_path):
    (tmp_path / "manifest").write_bytes(gzip.compress(b" " * (1 << 20)))
    with pytest.raises(documents.Malformed, match="has more than"):
        items.read(tmp_path / "manifest", "1", KEY, unsigned=True)


def described(**more):
    facts = {"generation": 3, "sequence": 7, "instance": LEASE["instance"], "image": "a/b:1", "openclaw": "2026.9.6"}
    return SnapshotMetadata(**{**facts, **more})


@pytest.mark.parametrize("metadata", [described(), described(set_aside=True), described(instance="", openclaw=None)])
def test_a_name_is_what_it_was_made_from(metadata):
    found = names.snapshot_of(names.key_of(names.new_id(metadata, NOW, 5, 600, KEY)))
    assert (found.generation, found.sequence, found.time, found.files, found.bytes) == (3, 7, NOW, 5, 600)
    assert (found.instance, found.openclaw, found.image) == (metadata.instance, metadata.openclaw, "a/b:1")
    assert found.set_aside == metadata.set_aside
    assert names.is_marked(found, KEY) and not names.is_marked(found, "x" * 43)


def test_a_name_that_was_changed_is_not_ours():
    made = names.new_id(described(), NOW, 5, 600, KEY)
    for changed_id in (made.replace("00000003-", "00000004-"), made.replace("_5_", "_6_"), f"{made}-refused"):
        assert not names.is_marked(names.snapshot_of(names.key_of(changed_id)), KEY)


@pytest.mark.parametrize(
    "odd",
    [
        "x",
        "00000000-00000001_20261127T120000Z_1_1___00000000_",
        "00000001-00000001_20269999T999999Z_1_1____00000000",
        "00000001-00000001_20261127T120000Z_1_1_i%2D1%0A__x_00000000",
        "00000001-00000001_20261127T120000Z_1_1__abc__00000000",
        "9999999999-00000001_20261127T120000Z_1_1____00000000",
        "00000001-00000001_20261127T120000Z_1_" + "9" * 30 + "____00000000",
    ],
)
def test_what_is_no_name_counts_as_nothing(odd):
    assert names.snapshot_of(f"mirror/manifests/{odd}.jsonl.gz") is None


def test_what_is_from_before_the_first_signed_one_says_so_in_number_and_time():
    mark = names.mark_of(names.new_id(described(), NOW, 1, 1, KEY))
    for generation, stamp, before in (
        (2, "20261127T115959Z", True),
        (4, "20261127T115959Z", False),
        (2, "20261128T000000Z", False),
    ):
        one = names.snapshot_of(f"mirror/manifests/{generation:08d}-00000001_{stamp}_1_1____00000000.jsonl.gz")
        assert names.is_before(one, mark) is before
    assert not names.is_before(one, "nonsense")


def test_an_intent_names_no_key_but_of_mirrored_files():
    written = intents.pack({"mirror/workspace/a": "e", "mirror/.openclaw/b": None}, "1", KEY)
    assert intents.unpack(written, "1", KEY) == {"mirror/workspace/a": "e", "mirror/.openclaw/b": None}
    others = {"mirror/manifests/x": "e", "mirror/intents/x": "e", "lease.json": "e", "mirror/workspace/a": 5}
    assert intents.unpack(intents.pack(others, "1", KEY), "1", KEY) == {}
    for body in (text({"mirror/workspace/a": "e"}), written.replace(b'"e"', b'"f"'), intents.pack({}, "2", KEY)):
        with pytest.raises(documents.Malformed, match="not signed"):
            intents.unpack(body, "1", KEY)


@pytest.mark.parametrize(
    "given", [None, 5, ["generation=x", "bytes=-1", "openclaw=new", 7], ["generation=" + "9" * 400]]
)
def test_tags_that_are_none_count_as_not_there(given):
    told = tags.parse(given)
    assert (tags.number(told, "generation"), tags.amount(told, "bytes"), tags.openclaw(told)) == (0, 0, None)


def test_tags_of_ours_are_read():
    told = tags.parse(["generation=3", "bytes=600", "openclaw=2026.9.6", "image=ghcr.io/a:1", "refused"])
    assert (tags.number(told, "generation"), tags.amount(told, "bytes")) == (3, 600)
    assert (tags.openclaw(told), tags.image(told), "refused" in told) == ("2026.9.6", "ghcr.io/a:1", True)


def signed(record, key=KEY):
    return text({**record, "hmac": signing.of(key, handover.KIND, record)})


def test_the_last_machines_record_is_believed_only_with_its_signature(monkeypatch, tmp_path, capsys):
    assert read_record(signed(RECORD), monkeypatch, tmp_path)["reason"] == "interruption"
    for body in (text(RECORD), signed(RECORD, "x" * 43), signed({**RECORD, "clean": "yes"}), b"[1]", b"\xff"):
        assert read_record(body, monkeypatch, tmp_path) is None
        assert "s3://bucket/handover.json counts as none: " in capsys.readouterr().err
    assert read_record(b"{}", monkeypatch, tmp_path) is None
    assert not capsys.readouterr().err


def test_the_record_of_a_machine_that_had_no_key_yet_is_believed_by_the_boot_that_made_it(monkeypatch, tmp_path):
    (tmp_path / "made").touch()
    assert read_record(text(RECORD), monkeypatch, tmp_path)
    assert read_record(signed(RECORD, "x" * 43), monkeypatch, tmp_path) is None
