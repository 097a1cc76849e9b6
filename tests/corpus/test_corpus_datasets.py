import pytest
from kedro.io import DatasetError

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.datasets.documents import Shards
from arabic_llm_pipeline.datasets.sources import SourceFiles
from tests.corpus.making import document, instruction, shards


def test_source_files(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/2.txt", "a/1.txt", "a/[x].gz", "b.txt"):
        (tmp_path / name).write_text("نص", encoding="utf-8")
    entry = SourceFiles()
    entry.bind(tmp_path, {"z": ["b.txt"], "y": ["a/*.txt", "a/1.txt", "a/[x].gz"]}, {"z": "CC0"})
    wanted = {"y": [tmp_path / name for name in ("a/1.txt", "a/2.txt", "a/[x].gz")], "z": [tmp_path / "b.txt"]}
    assert entry.load().files == wanted
    assert entry.load().root == tmp_path
    assert entry.external_files() == [*wanted["y"], *wanted["z"]]
    assert entry.exists()
    assert entry.preview()["data"][1] == ["z", "b.txt", 1, 4, "CC0"]
    with pytest.raises(DatasetError):
        entry.save(None)


def test_a_pattern_without_files_is_a_missing_file(tmp_path):
    entry = SourceFiles()
    entry.bind(tmp_path, {"a": ["no/*.txt"]})
    assert entry.external_files() == [tmp_path / "no/*.txt"]
    assert not entry.exists()
    assert entry.preview()["data"][0][1] == "missing: no/*.txt"


def test_shards_load_as_a_handle_and_show_their_beginning(tmp_path):
    made = shards(
        tmp_path / "made",
        "documents",
        instruction("1", "سؤال" * 100, "جواب"),
        *(document(str(n), "نص") for n in range(20)),
    )
    entry = Shards(path=str(tmp_path / "data" / "documents" / "default"))
    entry.save(made.directory)
    loaded = entry.load()
    assert isinstance(loaded, ShardSet)
    assert loaded.rows() == 21
    shown = entry.preview()
    assert (len(shown["data"]), shown["columns"][0]) == (10, "id")
    assert shown["data"][0][3].startswith("user: سؤال")
    assert len(shown["data"][0][3]) < 450
