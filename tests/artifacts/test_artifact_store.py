"""What a catalog entry promises, without Kedro's session."""

import json
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from kedro.io import DatasetError

from arabic_llm_pipeline.artifacts import DirectoryArtifact, FileArtifact, Workspace, files
from arabic_llm_pipeline.artifacts.digests import digest
from arabic_llm_pipeline.artifacts.prune import prune
from arabic_llm_pipeline.artifacts.store import MANIFEST, Expected, check_experiment, read_manifest
from arabic_llm_pipeline.artifacts.work import owner, working
from arabic_llm_pipeline.common.errors import UserError


class Shards(DirectoryArtifact):
    resumable = "fingerprint"


class Model(DirectoryArtifact):
    resumable = "inputs"


def entry(tmp_path: Path, experiment: str = "default") -> FileArtifact:
    place = str(tmp_path / "documents" / experiment)
    return FileArtifact(path=place, file="data.json", dataset={"type": "json.JSONDataset"})


def made(tmp_path: Path, name: str, data: object, experiment: str = "default") -> FileArtifact:
    artifact = entry(tmp_path, experiment)
    artifact.expected = Expected(digest(name), "node", inputs={"raw": digest(name)})
    with working([artifact], None):
        artifact.save(data)
    return artifact


def names(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "documents").iterdir()}


def short(name: str) -> str:
    return digest(name)[:12]


def test_the_link_is_relative_and_a_plain_path(tmp_path: Path) -> None:
    made(tmp_path, "a", 1)
    made(tmp_path, "b", 2)
    assert (tmp_path / "documents/default/data.json").read_text() == "2"
    assert names(tmp_path) == {"default", short("a"), short("b")}
    assert str((tmp_path / "documents/default").readlink()) == short("b")
    shutil.move(tmp_path / "documents", tmp_path / "moved")
    assert (tmp_path / "moved/default/data.json").read_text() == "2"


def test_the_link_is_never_absent(tmp_path: Path) -> None:
    link, ends = tmp_path / "default", threading.Event()
    files.point(link, "a")

    def move() -> None:
        while not ends.is_set():
            files.point(link, "b")
            files.point(link, "a")

    mover = threading.Thread(target=move)
    mover.start()
    seen = {files.pointed(link) for _ in range(5000)}
    ends.set()
    mover.join()
    assert seen == {"a", "b"}


def test_a_run_keeps_what_it_uses_when_the_link_moves(tmp_path: Path) -> None:
    first = made(tmp_path, "a", 1)
    made(tmp_path, "b", 2)
    assert prune(first.store, 0, 0, False) == []  # held
    assert (first.load(), entry(tmp_path).load()) == (1, 2)


def test_what_no_link_names_goes_but_for_those_used_last(tmp_path: Path) -> None:
    for number, name in enumerate("abcde"):
        artifact = made(tmp_path, name, number, "other" if name == "a" else "default")
        os.utime(artifact.used, (number, number))
        artifact.release()
    gone = prune(artifact.store, 2, 0, False)
    assert [path.name for path in gone] == [short("b")]
    assert names(tmp_path) == {"default", "other", *(short(name) for name in "acde")}


def test_what_is_not_whole_goes_and_what_a_kill_left(tmp_path: Path) -> None:
    artifact, torn = made(tmp_path, "a", 1), made(tmp_path, "b", 2, "x")
    (torn.used / "data.json").write_text("longer than it was")
    (tmp_path / "documents/x").unlink()
    for left in (".new-12", ".trash-12", ".work-12"):
        (tmp_path / "documents" / left).mkdir()
    (tmp_path / "documents/.default.7.link").symlink_to("nowhere")
    artifact.release()
    torn.release()
    prune(artifact.store, 9, 0, False)
    assert names(tmp_path) == {"default", short("a")}


def test_unfinished_training_stays_for_some_days(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    for name, days in (("old", 15), ("new", 13)):
        (folder / f".work-{name}").mkdir(parents=True)
        checkpoint = folder / f".work-{name}" / "checkpoint"
        checkpoint.touch()
        for path in (checkpoint, checkpoint.parent):
            os.utime(path, (time.time() - days * 86_400,) * 2)
    assert [path.name for path in prune(Model(path=str(folder / "x")).store, 2, 14, True)] == [".work-old"]


def test_made_again_with_other_content_stands_beside(tmp_path: Path) -> None:
    made(tmp_path, "a", 1)
    again = made(tmp_path, "a", 2)
    assert again.used.name == f"{short('a')}-2"
    assert again.find() == again.used
    assert made(tmp_path, "a", 2).used == again.used
    assert (tmp_path / "documents" / short("a") / "data.json").read_text() == "1"


@pytest.mark.parametrize("harm", ["remove", "truncate", "manifest"])
def test_a_damaged_directory_does_not_count(tmp_path: Path, harm: str) -> None:
    artifact = made(tmp_path, "a", [1, 2])
    data = artifact.used / "data.json"
    if harm == "truncate":
        data.write_text("[1")
    else:
        (data if harm == "remove" else artifact.used / MANIFEST).unlink()
    assert artifact.find() is None
    with pytest.raises(DatasetError, match="no whole artifact"):
        entry(tmp_path).load()
    assert made(tmp_path, "a", [1, 2]).load() == [1, 2]


def test_a_text_file_stands_in_for_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(files.Path, "symlink_to", forbidden)
    made(tmp_path, "a", 1)
    made(tmp_path, "b", 2)
    assert (tmp_path / "documents/default").read_text() == short("b")
    assert entry(tmp_path).load() == 2


def test_saved_by_hand(tmp_path: Path) -> None:
    artifact = entry(tmp_path)
    artifact.save([1])
    manifest = artifact.manifest()
    assert artifact.load() == [1]
    assert manifest
    assert manifest["node"] is None
    source = tmp_path / "mine"
    source.mkdir()
    (source / "weights").write_text("w")
    model = Model(path=str(tmp_path / "adapter/default"))
    model.save(source)
    assert (model.load() / "weights").read_text() == (source / "weights").read_text()


def test_a_failed_save_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        made(tmp_path, "a", {1, 2})
    assert names(tmp_path) == set()


def test_the_manifest_says_where_it_was_made(tmp_path: Path) -> None:
    manifest = read_manifest(made(tmp_path, "a", 1).used)
    assert manifest
    assert {"python", "kedro"} <= set(manifest["origin"]["versions"])
    assert manifest["files"] == {"data.json": 1}
    assert str(tmp_path) not in json.dumps(manifest)


@pytest.mark.parametrize("name", ["0123456789ab", "0123456789ab-2", ".x", "a/b", "", "a b", "-x"])
def test_names_that_are_none_for_an_experiment(name: str) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        check_experiment(name)


@pytest.mark.parametrize("name", ["b03", "gtx1650_4gb+mine", "0123456789abc", "v1.2", "تجربة"])
def test_names_for_an_experiment(name: str) -> None:
    check_experiment(name)


def training(tmp_path: Path, code: str = "1", inputs: str = "data") -> Model:
    model = Model(path=str(tmp_path / "adapter/default"))
    key = {"data": digest(inputs)}
    model.expected = Expected(digest([code, key]), "train", {"train": {"module": code}}, dict(key))
    return model


def killed(model: DirectoryArtifact, wanted: bool | None = None) -> list[str]:
    """A run that leaves a checkpoint and ends; gives what it found."""
    found: list[str] = []
    with suppress(KeyboardInterrupt), working([model], wanted):
        found += sorted(path.name for path in model.work.iterdir() if not path.name.startswith("."))
        (model.work / "checkpoint").touch()
        raise KeyboardInterrupt
    return found


def test_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    assert killed(training(tmp_path)) == []
    assert killed(training(tmp_path)) == ["checkpoint"]
    assert killed(training(tmp_path, inputs="others")) == []


def test_training_begun_by_other_code_asks(tmp_path: Path) -> None:
    killed(training(tmp_path))
    with pytest.raises(UserError, match="resume=true"), working([training(tmp_path, "2")], None):
        pass
    assert killed(training(tmp_path, "2"), True) == ["checkpoint"]
    assert killed(training(tmp_path, "2")) == ["checkpoint"]  # asked once
    assert killed(training(tmp_path, "3"), False) == []


def test_the_manifest_names_the_code_that_began(tmp_path: Path) -> None:
    killed(training(tmp_path))
    model = training(tmp_path, "2")
    with working([model], True):
        final = model.work / "final"
        final.mkdir()
        (final / "weights").write_text("w")
        model.save(final)
    manifest = model.manifest()
    assert manifest
    assert manifest["resumed"] == [digest({"train": {"module": "1"}})]
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {"default", model.used.name}


def test_shards_go_on_for_the_same_code_and_begin_anew_for_other(tmp_path: Path) -> None:
    def shards(code: str) -> Shards:
        artifact = Shards(path=str(tmp_path / "documents/default"))
        artifact.expected = Expected(digest(code), "clean", {"clean": {"module": code}}, {"raw": "r"})
        return artifact

    assert killed(shards("1")) == []
    assert killed(shards("2")) == []
    assert killed(shards("1")) == ["checkpoint"]


def test_work_of_no_use_goes_with_the_failure(tmp_path: Path) -> None:
    plain = DirectoryArtifact(path=str(tmp_path / "adapter/default"))
    plain.expected = Expected(digest("x"), "node")
    killed(plain)
    assert list((tmp_path / "adapter").iterdir()) == []


def test_a_node_works_where_its_first_directory_belongs(tmp_path: Path) -> None:
    log, model, other = entry(tmp_path), training(tmp_path), Shards(path=str(tmp_path / "b/default"))
    log.expected = other.expected = Expected(digest("log"), "train")
    assert owner([log, model, other]) is model
    assert owner([log]) is log
    with working([log, model, other], None):
        for artifact in (model, other):
            final = model.work / f"final-{artifact.store.folder.name}"
            final.mkdir()
            artifact.save(final)
        log.save({"loss": 1})
    assert log.used.parent.name == "documents"
    assert other.load().parent.name == "b"
    assert not list(tmp_path.rglob(".*"))


def test_a_finished_directory_gets_its_name_by_renames_alone(tmp_path: Path) -> None:
    model = training(tmp_path)
    with working([model], None):
        final = model.work / "final"
        final.mkdir()
        number = final.stat().st_ino
        model.save(final)
    assert model.used.stat().st_ino == number


def test_a_directory_from_elsewhere_is_copied(tmp_path: Path) -> None:
    """A node that hands on its input does not take it away from the one who made it."""
    first = training(tmp_path)
    with working([first], None):
        (first.work / "final").mkdir()
        first.save(first.work / "final")
    second = Shards(path=str(tmp_path / "copy/default"))
    second.expected = Expected(digest("copy"), "copy")
    with working([second], None):
        second.save(first.load())
    assert first.load().is_dir()
    assert second.load() != first.load()


def test_a_workspace_exists_while_its_node_runs(tmp_path: Path) -> None:
    workspace, model = Workspace(), training(tmp_path)
    workspace.owner = model
    with working([model], None):
        assert workspace.load() == model.work
    with pytest.raises(DatasetError, match="while its node runs"):
        workspace.load()
