"""The sample corpus: tracked is what the generator makes, nothing held out is trained on, the dirt is as said."""

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from arabic_llm_pipeline.common.files import open_binary
from arabic_llm_pipeline.corpus.records import Record
from arabic_llm_pipeline.corpus.wikipedia import read_dump
from arabic_llm_pipeline.parameters.sources import SourceSettings

MEGABYTES = 3 * 1024 * 1024
TREES = "oasst/2023-04-12_oasst_ready.trees.jsonl.gz"
PLACES = re.compile(r"[\W_\u064b-\u0652\u0640]+")


@pytest.fixture(scope="module")
def corpus(project: Path) -> Path:
    return project / "data" / "01_raw"


@pytest.fixture(scope="module")
def made(project: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of the generator, in other places and with other hash seeds."""
    outputs = [tmp_path_factory.mktemp("sample") for _ in range(2)]
    for seed, output in enumerate(outputs):
        script = project / "tools" / "sample_corpus" / "generate.py"
        command = [sys.executable, str(script), "--output", str(output)]
        subprocess.run(command, check=True, cwd=output, env={"PYTHONHASHSEED": str(seed), "PYTHONUTF8": "1"})
    return outputs


def files(folder: Path) -> list[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(map(str, found))


def content(path: Path) -> Any:
    """What a file says, whichever version of a compressor or of pyarrow wrote it."""
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with open_binary(path) as stream:
        return stream.read()


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file; lines that are none are left out."""
    found = []
    for line in content(path).decode("utf-8-sig", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def instructions(corpus: Path) -> list[Any]:
    return json.loads(content(corpus / "bactrian_x" / "ar.json.gz"))


def labelled(corpus: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(corpus / "preference" / "labelled.csv.xz").decode())))


def key(text: str) -> str:
    """A prompt without what cleaning or a copyist may change."""
    return PLACES.sub("", unicodedata.normalize("NFKC", text))


def trained_prompts(corpus: Path) -> list[str]:
    records = [record for record in instructions(corpus) if isinstance(record, dict)]
    asked = [f"{record['instruction']}\n{record['input'] or ''}" for record in records]
    return asked + [row["prompt"] for row in lines(corpus / "preference" / "pairs.jsonl.xz") + labelled(corpus)]


def held_out(corpus: Path) -> dict[str, list[str]]:
    names = ["evaluation/items_dev.jsonl", "evaluation/items_test.jsonl"]
    names += ["preference/pairs_dev.jsonl.xz", "preference/pairs_test.jsonl.xz"]
    return {name: [row["prompt"] for row in lines(corpus / name)] for name in names}


def test_two_runs_write_the_same_bytes(made: list[Path]) -> None:
    first, second = made
    assert files(first) == files(second) != []
    for name in files(first):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_what_is_tracked_is_what_the_generator_makes(made: list[Path], corpus: Path) -> None:
    for name in files(made[0]):
        assert content(corpus / name) == content(made[0] / name), name


def test_it_is_small(made: list[Path]) -> None:
    assert sum((made[0] / name).stat().st_size for name in files(made[0])) <= MEGABYTES


def test_no_held_out_prompt_is_trained_on_or_asked_twice(corpus: Path) -> None:
    trained = {key(prompt) for prompt in trained_prompts(corpus)}
    prompts = [key(prompt) for found in held_out(corpus).values() for prompt in found]
    assert len(prompts) == len(set(prompts)) > 1500
    assert not trained & set(prompts)


def test_every_family_is_asked_often_enough_in_both_splits(corpus: Path) -> None:
    families = {}
    for split, least in (("dev", 30), ("test", 60)):
        items = lines(corpus / "evaluation" / f"items_{split}.jsonl")
        families[split] = Counter(item["family"] for item in items)
        assert min(families[split].values()) >= least
        assert {item["dialect"] for item in items} == {"MSA", "EGY", "LEV", "GLF", "MGR"}
    assert families["dev"].keys() == families["test"].keys()


def test_a_reading_answer_stands_in_its_prompt(corpus: Path) -> None:
    for item in lines(corpus / "evaluation" / "items_test.jsonl"):
        if item["family"] in {"who", "where", "when", "count", "colour"}:
            assert item["answers"][0] in item["prompt"]


def test_computed_answers_are_right(corpus: Path) -> None:
    for item in lines(corpus / "evaluation" / "items_test.jsonl"):
        numbers = [int(number) for number in re.findall(r"\d+", item["prompt"])]
        if item["family"] == "addition":
            assert int(item["answers"][0]) == sum(numbers)
        if item["family"] == "larger":
            assert int(item["answers"][0]) == max(numbers)


def test_a_sentence_ends_in_a_full_stop_and_holds_the_terse_answer(corpus: Path) -> None:
    pairs = lines(corpus / "preference" / "pairs_test.jsonl.xz")
    both = [(pair["rejected"], pair["chosen"]) for pair in pairs]
    both += [tuple(item["answers"]) for item in lines(corpus / "evaluation" / "items_test.jsonl")]
    for terse, full in both:
        assert full.endswith(f" {terse}.")
        assert not terse.endswith(".")


def test_the_label_says_which_answer_is_the_sentence(corpus: Path) -> None:
    rows = labelled(corpus)
    assert {row["label"] for row in rows} == {"0", "1"}
    for row in rows:
        assert row[f"answer_{row['label']}"].endswith(".")
        assert not row[f"answer_{1 - int(row['label'])}"].endswith(".")


def test_instructions_have_both_forms_about_half_and_half(corpus: Path) -> None:
    outputs = [record.get("output") for record in instructions(corpus) if isinstance(record, dict)]
    sentences = [isinstance(output, str) and output.endswith(".") for output in outputs]
    assert 0.45 < sum(sentences) / len(sentences) < 0.55


def test_no_document_is_held_out_and_trained_on(corpus: Path) -> None:
    held = [row for split in ("dev", "test") for row in lines(corpus / "evaluation" / f"prose_{split}.jsonl")]
    assert {row["dialect"] for row in held} == {"MSA", "EGY", "LEV", "GLF", "MGR"}
    dump = content(corpus / "wikipedia" / "arwiki-sample-pages-articles.xml.bz2").decode()
    titles = set(re.findall(r"<title>(.+)</title>", dump))
    titles |= set(pq.read_table(corpus / "wikipedia" / "wikipedia.parquet")["title"].to_pylist())
    titles |= {row["title"] for row in lines(corpus / "dialects" / "documents.jsonl")}
    titles |= {row.get("title") for row in lines(corpus / "dirty" / "web.jsonl.gz")}
    assert not titles & {row["title"] for row in held}
    spoken = content(corpus / "dialects" / "sentences.tsv.gz").decode(errors="replace")
    spoken += "".join(row["text"] for row in lines(corpus / "dialects" / "documents.jsonl"))
    for row in held:
        for sentence in re.split(r"[.!؟]\s", row["text"]):
            assert len(sentence.split()) < 6 or sentence not in spoken


def test_trees_have_several_languages_and_most_are_arabic(corpus: Path) -> None:
    trees = lines(corpus / TREES)
    languages = Counter(tree["prompt"]["lang"] for tree in trees)
    assert languages["ar"] >= 40
    assert {"en", "fr", "es"} <= languages.keys()
    for tree in trees:
        assert tree["message_tree_id"] == tree["prompt"]["message_id"]
        below(tree["prompt"])


def below(message: dict[str, Any]) -> None:
    """Roles take turns, replies name their parent, and ranks of what may stay are 0, 1, 2, ..."""
    ranks = [reply["rank"] for reply in message["replies"] if reply["rank"] is not None]
    assert ranks == sorted(set(ranks))
    for reply in message["replies"]:
        assert reply["parent_id"] == message["message_id"]
        assert reply["role"] != message["role"]
        below(reply)


def stated(corpus: Path) -> dict[tuple[str, str], int]:
    """The dirt as the README counts it."""
    text = (corpus / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `(.+)` \| (.+) \| (\d+) \|$", text, re.MULTILINE)
    return {(file, what): int(number) for file, what, number in found}


def counted_in_web(corpus: Path) -> dict[str, int]:
    """The dirt of the web file as it can be told without knowing how it was made."""
    raw = content(corpus / "dirty" / "web.jsonl.gz")
    found = Counter({"byte order mark": raw.count("\ufeff{".encode()), "line ends in CR LF": raw.count(b"\r\n")})
    for line in raw.removeprefix("\ufeff".encode()).split(b"\n")[:-1]:
        found[kind(line.removesuffix(b"\r"))] += 1
    return {what: number for what, number in found.items() if what != "text"}


def kind(line: bytes) -> str:
    if not line.strip():
        return "blank line"
    if len(line) > 1_000_000:
        return "line over 1 MB"
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "invalid UTF-8"
    except json.JSONDecodeError:
        return "broken JSON"
    if isinstance(value, int):
        return "line is a number"
    if "text" not in value:
        return "text is missing"
    names = {int: "text is a number", list: "text is a list", type(None): "text is null"}
    return names.get(type(value["text"]), "text" if value["text"] else "text is empty")


def test_the_readme_counts_the_dirt_of_the_web_file(corpus: Path) -> None:
    said = {what: number for (file, what), number in stated(corpus).items() if file == "dirty/web.jsonl.gz"}
    counted = counted_in_web(corpus)
    assert {what: said[what] for what in counted} == counted
    texts = [str(row.get("text")) for row in lines(corpus / "dirty" / "web.jsonl.gz")]
    assert sum(bool(re.search("[\ufe80-\ufefc]", text)) for text in texts) == said["presentation forms"]
    assert sum("</script>" in text for text in texts) == said["mark-up"]
    assert sum(text.count("\u0640") > 5 for text in texts) == said["tatweel"]
    assert sum("\u06cc" in text for text in texts) == said["Persian letters"]
    comments = [str(row["text"]) for row in lines(corpus / "dirty" / "web.jsonl.gz") if row.get("title") is None]
    assert sum(len(re.findall("[\u064b-\u0652]", text)) > len(text) / 5 for text in comments) == said["diacritised"]


def test_exact_copies_in_the_web_file_are_documents_of_other_files(corpus: Path) -> None:
    others = set(pq.read_table(corpus / "wikipedia" / "wikipedia.parquet")["text"].to_pylist())
    others |= {row["text"] for row in lines(corpus / "dialects" / "documents.jsonl")}
    texts = [row.get("text") for row in lines(corpus / "dirty" / "web.jsonl.gz")]
    copies = [text for text in texts if isinstance(text, str) and text in others]
    assert len(copies) == stated(corpus)["dirty/web.jsonl.gz", "exact duplicate"]


def test_the_readme_counts_the_dirt_of_the_instructions(corpus: Path) -> None:
    said = {what: number for (file, what), number in stated(corpus).items() if file == "bactrian_x/ar.json.gz"}
    records = instructions(corpus)
    objects = [record for record in records if isinstance(record, dict)]
    outputs = [record.get("output", "missing") for record in objects]
    seen = Counter(json.dumps(record, sort_keys=True) for record in objects)
    assert said["record is a text"] == len(records) - len(objects)
    assert said["input is null"] == sum(record.get("input") is None for record in objects)
    assert said["output is null"] == outputs.count(None)
    assert said["output is missing"] == outputs.count("missing")
    assert said["output is empty"] == sum(isinstance(output, str) and not output.strip() for output in outputs)
    assert said["output is a list"] == sum(isinstance(output, list) for output in outputs)
    assert said["instruction is a number"] == sum(isinstance(record["instruction"], int) for record in objects)
    assert said["instruction is null"] == sum(record["instruction"] is None for record in objects)
    assert said["mark-up"] == sum("<p>" in str(output) for output in outputs)
    assert said["exact duplicate"] == sum(seen.values()) - len(seen)
    texts = [str(record["instruction"]) for record in objects]
    assert said["tatweel"] == sum("\u0640" in text for text in texts)
    assert said["presentation forms"] == sum(bool(re.search("[\ufe80-\ufefc]", text)) for text in texts)


def test_the_articles_read_back_as_the_prose_that_was_written(project: Path, corpus: Path) -> None:
    prose = (project / "tools" / "sample_corpus" / "prose" / "msa_encyclopedia.txt").read_text(encoding="utf-8")
    written = dict(re.findall(r"^=== MSA \| \w+ \| (.+)\n((?:(?!===).*\n?)+)", prose, re.MULTILINE))
    source = SourceSettings(format="mediawiki", path="any", licence="Apache-2.0")
    dump = corpus / "wikipedia" / "arwiki-sample-pages-articles.xml.bz2"
    articles = [found for found in read_dump(dump, source, MEGABYTES) if isinstance(found, Record)]
    assert len(articles) > 25
    for article in articles:
        paragraphs = re.sub("^## ", "", written[article.row["title"]].strip(), flags=re.MULTILINE)
        assert article.row["messages"][0]["content"].split("\n\n") == re.split(r"\n+", paragraphs)
