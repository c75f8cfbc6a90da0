"""The mirror: what is not as it was stored is noticed, wherever the byte is."""

import json

import pytest
from machine.state.support.proxy import Fault

# As on Amazon Linux, whose botocore knows no checksums of S3: what proves the content is the manifest.
OLD = {"AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


@pytest.fixture
def manifest(living):
    """The key of the newest of two, on the machine that has made them."""
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    return max(living.deployment.stored("mirror/manifests/"))


# In gzip's header, here and there in the content, in its checksum and length.
@pytest.mark.parametrize("where", [0, 2, 30, 60, 120, 200, -6, -3])
def test_a_damaged_newest_manifest_is_named_and_the_one_before_it_taken(living, manifest, where):
    living.deployment.flip(manifest, where)
    replacement = living.replaced()
    replacement.boot()
    name = manifest.split("/")[-1][: -len(".jsonl.gz")]
    assert f"the manifest {name} cannot be read" in replacement.log
    assert json.loads((replacement.var / "restored").read_text())["skipped"] == [name]
    assert replacement.notes() == 20


@pytest.mark.parametrize("where", [60, -3])
def test_a_backup_after_a_damaged_manifest_is_good(living, manifest, where):
    living.deployment.flip(manifest, where)
    living.write("workspace/notes/4.md", "later")
    living.backup()
    assert "uploading everything again" in living.log
    replacement = living.replaced()
    replacement.boot()
    assert '"result": "damaged"' not in replacement.log
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"
    assert replacement.path("workspace/notes/4.md").read_text() == "later"


def test_a_byte_that_flips_on_its_way_is_fetched_again(living, cloud):
    replacement = living.replaced()
    fault = Fault(lambda r: r.method == "GET" and r.path.split("?")[0].endswith("/notes/3.md"), corrupt=True, times=1)
    with cloud.playing(fault):
        replacement.boot(**OLD)
    assert fault.played == 1
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20


def test_content_that_is_not_what_its_checksum_says_is_never_put_in_place(living, cloud):
    replacement = living.replaced()
    fault = Fault(lambda r: r.method == "GET" and r.path.split("?")[0].endswith("/notes/3.md"), corrupt=True)
    with cloud.playing(fault):
        replacement.boot(expect=78, **OLD)
    assert fault.played
    assert "mirror/workspace/notes/3.md" in replacement.log and '"result": "damaged"' in replacement.log
    assert not any(replacement.path("workspace").iterdir())
    assert not (replacement.var / "restored").exists()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
