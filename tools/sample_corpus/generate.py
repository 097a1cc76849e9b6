"""Make the sample corpus: python tools/sample_corpus/generate.py [--output data/01_raw]."""

import argparse
from collections import Counter
from pathlib import Path
from random import Random

import encyclopedia
import instructions
import trees
from dirt import Counts, Soil
from prose import WHOLE, Piece, sentences, shared_out
from words import rows
from writing import json_array, json_lines, write

SEED = 20_250_101
OUTPUT = Path(__file__).parents[2] / "data" / "01_raw"
COPIED = 24  # documents that the dirty source repeats
README = Path(__file__).parent / "templates" / "README.md"
DIALECT_FILES = ("egy", "lev", "glf", "mgr")


def write_templates(output: Path, soil: Soil) -> dict[str, object]:
    """Training instructions, preference pairs and evaluation items; how many of each."""
    rng = Random(SEED)
    draw = instructions.Draw(rng)
    items = {split: draw.mixed(split, wanted) for split, wanted in instructions.ITEMS.items()}
    held_out = {split: draw.mixed(split, wanted) for split, wanted in instructions.HELD_OUT_PAIRS.items()}
    trained = instructions.bactrian(draw.mixed("train", instructions.TRAINING), rng)
    preferred = draw.mixed("train", instructions.PAIRS)
    labelled, pairs = preferred[: instructions.LABELLED], preferred[instructions.LABELLED :]
    for split in ("dev", "test"):
        write(output / f"evaluation/items_{split}.jsonl", json_lines(instructions.items(items[split], split)))
        write(output / f"preference/pairs_{split}.jsonl.xz", json_lines(map(instructions.pair, held_out[split])))
    write(output / "bactrian_x/ar.json.gz", json_array(soil.instructions(trained)))
    write(output / "preference/labelled.csv.xz", instructions.labelled_pairs(labelled, rng))
    write(output / "preference/pairs.jsonl.xz", soil.pairs([instructions.pair(example) for example in pairs]))
    numbers: dict[str, object] = {"instructions": len(trained), "residue": len(rows("residue"))}
    numbers |= {"pairs": len(pairs), "labelled": len(labelled)}
    numbers |= {f"items_{split}": len(found) for split, found in items.items()}
    return numbers | {f"pairs_{split}": len(found) for split, found in held_out.items()}


def write_prose(output: Path, soil: Soil) -> dict[str, object]:
    """Encyclopedia, documents, sentences, held-out prose, and the dirty source; how many of each."""
    shares = shared_out()
    articles, general = shares["msa_encyclopedia"][WHOLE], shares["msa_general"][WHOLE]
    documents = [piece for file in DIALECT_FILES for piece in shares[file][WHOLE]]
    cut = [(sentence, piece.dialect) for piece in _of_use(shares, "sentences") for sentence in sentences(piece)]
    held_out = {split: [piece.row for piece in _of_use(shares, split)] for split in ("dev", "test")}
    write(output / "wikipedia/arwiki-sample-pages-articles.xml.bz2", encyclopedia.export(articles, Random(SEED)))
    encyclopedia.table(general, output / "wikipedia/wikipedia.parquet")
    write(output / "dialects/documents.jsonl", json_lines(piece.row for piece in documents))
    write(output / "dialects/sentences.tsv.gz", soil.sentences(Random(SEED).sample(cut, len(cut))))
    for split, found in held_out.items():
        write(output / f"evaluation/prose_{split}.jsonl", json_lines(found))
    web = soil.web(_of_use(shares, "dirty"), Random(SEED).sample(general + documents, COPIED))
    write(output / "dirty/web.jsonl.gz", web)
    numbers: dict[str, object] = {"articles": len(articles), "pages": len(rows("pages"))}
    numbers |= {"general": len(general), "documents": len(documents)}
    numbers |= {f"prose_{split}": len(found) for split, found in held_out.items()}
    return numbers | {"sentences": len(cut), "web": web.count(b"\n")}


def write_trees(output: Path, soil: Soil) -> dict[str, object]:
    """The conversations; how many, and in which languages."""
    values = trees.trees(Random(SEED))
    write(output / "oasst/2023-04-12_oasst_ready.trees.jsonl.gz", soil.trees(values))
    languages = Counter(tree["prompt"]["lang"] for tree in values).most_common()
    return {"trees": len(values), "languages": ", ".join(f"{lang} {number}" for lang, number in languages)}


def _of_use(shares: dict[str, dict[str, list[Piece]]], use: str) -> list[Piece]:
    return [piece for uses in shares.values() for piece in uses[use]]


def readme(written: dict[str, object], counts: Counts) -> str:
    """The corpus's description with its numbers."""
    text = README.read_text(encoding="utf-8")
    for name, number in written.items():
        text = text.replace(f"{{{name}}}", str(number))
    dirt = [f"| `{file}` | {what} | {number} |" for (file, what), number in sorted(counts.items())]
    return text.replace("{dirt}", "\n".join(dirt))


def generate(output: Path) -> Counts:
    """Write all files of the corpus.

    Returns:
        How often each kind of dirt was put into each file.
    """
    soil = Soil(Random(SEED))
    written = write_templates(output, soil) | write_prose(output, soil) | write_trees(output, soil)
    write(output / "README.md", readme(written, soil.counts).encode())
    return soil.counts


def main() -> None:
    """Write the corpus where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    generate(parser.parse_args().output)


if __name__ == "__main__":
    main()
