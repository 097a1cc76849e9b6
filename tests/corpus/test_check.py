"""A look at the sources before a run."""

import json
from pathlib import Path

from arabic_llm_pipeline.corpus.check import check, lines
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.sources import Sources


def test_counts_and_first_records(tmp_path: Path) -> None:
    rows = [{"q": f"سؤال {n}", "a": "جواب" if n % 4 else None} for n in range(10)]
    for name in ("one.jsonl", "two.jsonl"):
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    columns = {"instruction": "q", "output": "a"}
    source = {"format": "jsonl", "path": "*.jsonl", "licence": "CC0-1.0", "record": "instruction", "columns": columns}
    files = FoundFiles(tmp_path, {"faq": sorted(tmp_path.glob("*.jsonl"))})
    [whole] = check(Sources.model_validate({"faq": source}), files, 100, 1 << 20)
    assert (whole["records"], whole["rejects"], whole["whole"]) == ({"documents": 14}, {"empty_text": 6}, True)
    assert whole["bytes"] == sum(path.stat().st_size for path in tmp_path.glob("*.jsonl"))
    assert check(Sources.model_validate({"faq": source}), files, None, 1 << 20) == [whole]
    [first] = check(Sources.model_validate({"faq": source}), files, 3, 1 << 20)
    assert (first["records"], first["rejects"], first["whole"]) == ({"documents": 4}, {"empty_text": 2}, False)
    told = lines([first])
    assert told[0] == "faq (jsonl, CC0-1.0): 2 files, 0.0 MB; first: 4 documents, 2 rejected (empty_text)"
    assert "    user: سؤال 1 | assistant: جواب" in told
    assert any(line.startswith("    rejected, empty_text: one.jsonl:1 ") for line in told)


def test_long_texts_are_cut_and_stay_in_their_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("كلمة\t" * 100, encoding="utf-8")
    sources = Sources.model_validate({"x": {"format": "text", "path": "x.txt", "licence": "CC0-1.0"}})
    [found] = check(sources, FoundFiles(tmp_path, {"x": [tmp_path / "x.txt"]}), 5, 1 << 20)
    assert found["shown"] == ["document: " + ("كلمة " * 100)[:160] + "…"]


def test_feedback_shows_how_it_was_judged(tmp_path: Path) -> None:
    rows = [{"prompt": "س", "completion": "ج", "label": label} for label in (1, 0)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    source = {"format": "jsonl", "path": "x.jsonl", "licence": "unknown", "shape": "feedback"}
    [found] = check(Sources.model_validate({"x": source}), FoundFiles(tmp_path, {"x": [tmp_path / "x.jsonl"]}), 5, 1000)
    assert (found["records"], found["shown"]) == ({"feedback": 2}, ["user: س | good: ج", "user: س | bad: ج"])
