"""Numbers as they are written, tables as they are filled."""

from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline import recipes
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.parameters.preference import DpoSettings, IpoSettings
from arabic_llm_pipeline.parameters.report import ReportSettings
from arabic_llm_pipeline.reporting import costs, data, language, run, speed, tokens, training, view
from arabic_llm_pipeline.reporting.inputs import Inputs
from tests.reporting.made import changed, inputs, provenance, settings
from tests.reporting.made_corpus import GONE, KEPT, funnel
from tests.reporting.made_scores import STAGES, log


@pytest.fixture
def made(tmp_path: Path) -> Inputs:
    return inputs(tmp_path / "corpus")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (view.count(1234567), "1,234,567"), (view.count(None), "n/a"), (view.share(0.5894), "58.9%"),
        (view.points(-0.013), "-1.3"), (view.points(0.4), "+40.0"), (view.interval([0.55, 0.627]), "[55.0, 62.7]"),
        (view.interval([None, 1.0]), "n/a"), (view.interval([1.0, 1.25], 3, 1), "[1.000, 1.250]"),
        (view.interval(None), "n/a"), (view.share(None), "n/a"), (view.measured(None, None), "n/a"),
        (view.probability(0.0), "< 0.001"), (view.probability(0.0213), "0.021"), (view.duration(9.96), "10.0 s"),
        (view.duration(123), "2 min 3 s"), (view.duration(119.7), "2 min 0 s"), (view.duration(3725), "1 h 2 min"),
        (view.short(0.0002), "0.0002"), (view.short(3570.4), "3,570"), (view.short(0.123456), "0.1235"),
        (view.short(0.0), "0"), (view.plain(True), "true"), (view.plain(1), "1"),
        (view.listed([]), "none"), (view.listed(["a"]), "a"), (view.listed(["a", "b", "c"]), "a, b and c"),
        (view.shortened("abcdef", 4), "abc…"), (view.shortened("abcd", 4), "abcd"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected


def test_flat_names_settings_as_params_does() -> None:
    nested = {"beta": 0.1, "selection": {"sources": None, "kinds": ["a", "b"]}, "on": False, "none": [], "empty": {}}
    assert view.flat(nested, "dpo") == [
        ("dpo.beta", "0.1"), ("dpo.selection.sources", "none"), ("dpo.selection.kinds", "a, b"), ("dpo.on", "false"),
        ("dpo.none", "none"), ("dpo.empty", "none"),
    ]  # fmt: skip


def test_sources_count_every_record_once(made: Inputs) -> None:
    rows = {row[0]: row[3:] for row in data.sources_table(made, data.frame(made["funnel"])).rows}
    kept = {source: sum(sum(s) for t in tables.values() for s in t.values()) for source, tables in KEPT.items()}
    for source, (records, left, dropped, out, rejected, _) in rows.items():
        gone = {kind: sum(n for *_, s, o, _, n in GONE if (s, o) == (source, kind)) for kind in data.GONE}
        assert [left, dropped, out, rejected] == [view.count(kept[source]), *(view.count(n) for n in gone.values())]
        assert records == view.count(kept[source] + sum(gone.values()))


def test_the_funnel_of_an_empty_corpus_has_no_rows_and_no_division_by_zero(made: Inputs) -> None:
    empty = data.frame([])
    assert data.reasons_table(empty).rows == []
    assert data.dialect_figure(empty).table.rows[-1] == ["all"]
    assert data.read(data.frame(funnel())) == 6704


def test_reasons_name_the_most_frequent_first(made: Inputs) -> None:
    rows = data.reasons_table(data.frame(made["funnel"])).rows
    assert rows[0][:4] == ["other_language", "left out by rule", "ingest", "61"]
    assert len(rows) == len(GONE)


def test_token_tables_have_a_row_a_split(made: Inputs) -> None:
    documents, pairs = tokens.split_tables(made)
    assert [row[0] for row in documents.rows] == ["train", "dev", "test"]
    assert documents.rows[0][1:3] == ["5,000", "204,211"]
    assert [row[0] for row in pairs.rows] == ["train", "test"]


def test_curves_are_those_that_the_log_has() -> None:
    shown = {stage: [c.key for c in training.CURVES if training.curve_figure(stage, c, log(stage))] for stage in STAGES}
    plain = ["loss", "rate", "gradient", "speed", "memory"]
    assert shown["sft"] == ["loss", "held-out", "rate", "gradient", "entropy", "speed", "memory"]
    assert shown["sft_dpo"] == [*plain, "rewards", "margin", "preferred"]


def test_losses_by_tag_are_shown_where_steps_tell_them() -> None:
    shown = [c for c in training.loss_curves(log("sft")) if training.curve_figure("sft", c, log("sft"))]
    assert [(curve.key, list(curve.columns.values())) for curve in shown] == [("loss-dialect", ["MSA", "EGY"])]
    held_out = training.curve_figure("sft", training.CURVES[1], log("sft"))
    assert held_out is not None
    assert [row[0] for row in held_out.table.rows] == ["50", "100", "150", "200", "250", "300"]  # no empty steps
    wide = pl.DataFrame({"step": [1], **{f"loss/source/s{n}": [1.0] for n in range(8)}})
    [by_source] = [curve for curve in training.loss_curves(wide) if curve.columns]
    assert (len(by_source.columns), by_source.title) == (6, "Loss by source (of 8, those that come most)")


def test_a_curves_table_has_its_ends() -> None:
    rows = training.curve_figure("sft", training.CURVES[0], log("sft")).table.rows  # type: ignore[union-attr]
    assert (rows[0][0], rows[-1][0]) == ("1", "300")
    single = training.curve_figure("sft", training.CURVES[0], log("sft").head(1))
    assert single is not None
    assert len(single.table.rows) == 1


def test_a_log_without_steps_has_no_curves() -> None:
    assert training.curve_figure("sft", training.CURVES[0], pl.DataFrame(schema=log("sft").schema)) is None


@pytest.mark.parametrize(
    ("stage", "method"),
    [
        ("sft", "sft"),
        ("sft_dpo", "dpo"),
        ("sft_kto", "kto"),
        ("sft_dpo_ipo", "ipo"),
        ("msa_egy", "sft"),
        ("orpo", "orpo"),
    ],
)
def test_a_stages_method_is_that_of_its_last_label(stage: str, method: str) -> None:
    assert recipes.last_stage(stage).method == method


def test_what_a_named_stage_changes_stands_with_its_settings(made: Inputs) -> None:
    other = changed(made, ipo=IpoSettings())
    rows = training._settings(other, "sft_dpo_ipo").rows
    assert ["ipo.beta", "0.1"] in rows
    assert ["beta, of this stage", "0.05"] in rows


def test_the_command_names_what_is_not_the_default(made: Inputs) -> None:
    assert run.command(made) == "kedro run"
    written = AdapterSettings.model_validate({"alpha": 32})  # becomes 32.0, and is the default all the same
    own = settings(dpo=DpoSettings(beta=0.3), adapter=written)
    other = changed(made, **own, seed=3, provenance=provenance("b03"))
    assert run.command(other) == "kedro run --params=experiment=b03,seed=3,dpo.beta=0.3"
    assert run.besides(other) == []


def test_what_params_cannot_take_stands_beside_the_command(made: Inputs) -> None:
    other = changed(made, evaluate=EvaluateSettings(formats=("chat", "bare"), items=5))
    assert run.command(other) == "kedro run --params=evaluate.items=5"
    assert run.besides(other) == ["evaluate.formats: chat, bare"]


def test_neutral_settings_are_not_shown(made: Inputs) -> None:
    names = [row[0] for row in run.parameters_table(made).rows]
    assert "sft.learning_rate" in names
    assert "sources.oasst.licence" in names
    assert "sft.save_steps" not in names


def test_artifacts_are_named_as_their_directories(made: Inputs) -> None:
    rows = run.artifacts_table(made).rows
    assert [row[:3] for row in rows] == [
        ["documents", "03_primary", "3f2a91c07b1d"],
        ["sft_adapter", "06_models", "3f2a91c07b1d"],
    ]


def test_several_versions_are_all_told(made: Inputs) -> None:
    assert ["versions", "polars", "1.30.0 and 2.1.0"] in run.origins_table(made).rows


def test_the_shipped_settings_are_the_defaults(project: Path) -> None:
    import yaml

    text = (project / "conf/base/parameters/report.yml").read_text(encoding="utf-8")
    assert ReportSettings(**yaml.safe_load(text)["report"]) == ReportSettings()
    assert text.count("#") > len(ReportSettings.model_fields)  # each line has its comment


@pytest.mark.parametrize(
    ("device", "given", "expected"),
    [("NVIDIA H200", None, 700.0), ("NVIDIA GeForce RTX 3060", None, 170.0), ("CPU, 2 of its cores", None, 65.0),
     (None, None, 65.0), ("NVIDIA H200", 300.0, 300.0)],
)  # fmt: skip
def test_watts_of_a_device(device: str | None, given: float | None, expected: float) -> None:
    assert costs.watts(device, given) == expected


def test_energy_is_measured_or_estimated(made: Inputs) -> None:
    [block] = costs.blocks(made)
    assert "about 3.1 watt hours by an assumed draw of 65 W" in block.text[0]  # 172.9 s
    told = {f"{stage}_resources": made.resources[stage] | {"energy_watt_hours": 1.5} for stage in STAGES}
    [block] = costs.blocks(changed(made, **told))
    assert block.text == ["Training took 2 min 53 s and 3 watt hours, as measured."]


def test_the_plan_stands_beside_what_was_measured(made: Inputs) -> None:
    assert costs.memory_figure(made) is None
    plan = {"sft_resources": made.resources["sft"] | {"planned_host_mb": 1200.0}}
    figure = costs.memory_figure(changed(made, **plan))
    assert figure.table.rows == [["sft in the process", "1,200", "961", "1.25"]]
    assert "CUDA" not in figure.caption


def test_on_a_card_the_plan_stands_beside_what_it_is_a_plan_of(made: Inputs) -> None:
    """Tensors beside tensors; the whole, of which CUDA's own part is one, beside all that is taken."""
    told = {
        "planned_allocated_mb": 1250.0, "peak_device_allocated_mb": 1000.0, "peak_device_reserved_mb": 1100.0,
        "planned_device_mb": 1800.0, "peak_device_used_mb": 1500.0, "device_used_of": "this process",
    }  # fmt: skip
    found = changed(made, sft_resources=made.resources["sft"] | told)
    figure = costs.memory_figure(found)
    assert figure.table.rows == [
        ["sft tensors on the device", "1,250", "1,000", "1.25"],
        ["sft on the device", "1,800", "1,500", "1.20"],
    ]
    assert "with CUDA's own part" in figure.caption
    rows = {row[0]: row[1] for row in costs.resources_table(found).rows}
    assert rows["Device memory, taken by"] == "this process"


def test_the_table_of_costs_leaves_out_what_is_told_elsewhere_or_of_nothing(made: Inputs) -> None:
    nested = {"data": {"rows": 329, "sources": {"oasst": {"rows": 40}}}, "process_slope_steps": 0}
    found = changed(made, sft_resources=made.resources["sft"] | nested | {"process_mb_per_1000_steps": None})
    rows = {row[0]: row[1:] for row in costs.resources_table(found).rows}
    assert not any("{" in cell for cells in rows.values() for cell in cells), "no dictionary as text"
    over = "Process memory, growth over so many last steps"
    assert over not in rows, "no growth was measured"
    grown = changed(made, sft_resources=made.resources["sft"] | nested | {"process_mb_per_1000_steps": 1.5})
    assert over in {row[0] for row in costs.resources_table(grown).rows}


def test_what_memory_does_not_hold_says_so_beside_the_speeds(made: Inputs) -> None:
    [block] = speed.blocks(made)
    [figure] = block.figures
    rows = {tuple(row[:3]): row[3:] for row in figure.table.rows}
    assert rows["base", "base", "1"] == ["20 [18, 22]", "6,400 [5,760, 7,040]", "60 [54, 66]", "701", "6"]
    assert rows["sft", "merged", "8"] == [view.ABSENT, view.ABSENT, "memory does not hold 8 at once", view.ABSENT, "6"]
    assert len(rows) == 10
    assert "128 tokens read, 32 written, CPU with 2 threads" in figure.caption


def test_without_speeds_there_is_no_such_section(made: Inputs) -> None:
    nothing = {f"{name}_speed": made[f"{name}_speed"].clear() for name in made.candidates}
    assert speed.blocks(changed(made, **nothing)) == []


def test_encoders_stand_beside_the_candidates_where_words_are_left_out(made: Inputs) -> None:
    figures = {figure.key: figure for block in language.blocks(made) for figure in block.figures}
    rows = {tuple(row[:3]): row[3:] for row in figures["words-guessed"].table.rows}
    assert rows["word left out", "all", "arabert (encoder)"] == ["40", "80.0 [70.0, 90.0]"]
    assert rows["word left out, first guess", "MSA", "arabert (encoder)"] == ["40", "45.0 [30.0, 50.0]"]
    assert ("next word, first guess", "all", "arabert (encoder)") not in rows
    assert ("word left out", "all", "base") in rows
