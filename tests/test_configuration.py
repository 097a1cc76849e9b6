"""Parameters and environments: what is merged, what is refused, and that all that ships loads."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.config import StackedConfigLoader
from arabic_llm_pipeline.parameters.root import Parameters, check
from arabic_llm_pipeline.settings import CONFIG_LOADER_ARGS


def loader(conf: Path, env: str = "local", **runtime: object) -> StackedConfigLoader:
    return StackedConfigLoader(str(conf), env=env, runtime_params=runtime, **CONFIG_LOADER_ARGS)


def shipped(project: Path, env: str = "local", **runtime: object) -> dict:
    return loader(project / "conf", env, **runtime)["parameters"]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    files = {
        "base/parameters.yml": "sft: {lr: 1.0e-4, epochs: 1}\ndpo: {beta: 0.1, steps: 9}\n",
        "local/parameters.yml": "other: 1\n",
        "card/parameters.yml": "sft: {epochs: 3}\n",
        "mine/parameters.yml": "dpo: {beta: 0.7}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_runtime_parameter_leaves_its_siblings(conf: Path) -> None:
    """Kedro's default merge would hand the node {'lr': 2e-05}, without epochs."""
    assert loader(conf, sft={"lr": 2e-5})["parameters"]["sft"] == {"lr": 2e-5, "epochs": 1}


def test_environments_stack_from_left_to_right(conf: Path) -> None:
    found = loader(conf, "card+mine", sft={"lr": 3.0})["parameters"]
    assert found == {"sft": {"lr": 3.0, "epochs": 3}, "dpo": {"beta": 0.7, "steps": 9}}


def test_an_unknown_environment_is_named(conf: Path) -> None:
    with pytest.raises(UserError, match=r"--env=card\+yours: there is no folder .*yours"):
        loader(conf, "card+yours")["parameters"]


def test_an_environment_can_stand_on_others(conf: Path) -> None:
    """They come before it, each once, and its experiment is still its own."""
    (conf / "top").mkdir()
    (conf / "top/parameters.yml").write_text("sft: {lr: 5.0}\n", encoding="utf-8")
    (conf / "top/globals.yml").write_text("stands_on: [card, mine]\n", encoding="utf-8")
    found = loader(conf, "card+top")
    assert found["parameters"] == {"sft": {"lr": 5.0, "epochs": 3}, "dpo": {"beta": 0.7, "steps": 9}}
    assert loader(conf, "top").experiment() == "top"
    (conf / "mine/globals.yml").write_text("stands_on: [top]\n", encoding="utf-8")
    with pytest.raises(UserError, match="top stands on mine stands on top"):
        loader(conf, "top")["parameters"]


def test_broken_yaml_is_named_with_its_line(conf: Path) -> None:
    (conf / "mine/parameters.yml").write_text("dpo:\n  beta: 0.7: 3\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine/parameters\.yml(.|\n)*mapping values are not allowed here(.|\n)*line 2"):
        loader(conf, "mine")["parameters"]


@pytest.mark.parametrize(
    ("env", "runtime", "name"),
    [("local", {}, "default"), ("card+mine", {}, "card+mine"), ("card", {"experiment": "b03"}, "b03")],
)
def test_no_environment_moves_anothers_links(conf: Path, env: str, runtime: dict, name: str) -> None:
    assert loader(conf, env, **runtime).experiment() == name


def environments(project: Path) -> list[str]:
    """Every folder of conf, but for the one of all others' folders."""
    folders = [path for path in (project / "conf").rglob("*") if path.is_dir() and path.name != "parameters"]
    names = [path.relative_to(project / "conf").as_posix() for path in folders]
    return sorted(name for name in names if name != "sets" and not name.startswith("base"))


def test_every_environment_that_ships_loads(project: Path) -> None:
    assert {"smoke", "no_sample", "sets/cidar"} <= set(environments(project))
    for env in environments(project):
        check(shipped(project, env))


def test_without_the_sample_only_ones_own_sources_are_left(project: Path) -> None:
    assert check(shipped(project, "no_sample")).sources.chosen() == {}
    assert set(check(shipped(project, "no_sample+sets/cidar")).sources.chosen()) == {"cidar"}


def test_the_fields_defaults_are_those_of_the_base_configuration(project: Path) -> None:
    """Who uses a room without Kedro gets the same values; and no field is missing in the YAML that people read."""
    given = shipped(project)
    given.pop("sources")
    optional = {"experiment", "rerun", "resume"}
    for name, field in Parameters.model_fields.items():
        if name in {"sources", *optional}:
            continue
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            assert type(default)(**given[name]) == default, name
            assert set(given[name]) == set(type(default).model_fields), name
        else:
            assert given[name] == default, name


def test_every_field_is_described() -> None:
    def fields(model: type[BaseModel], prefix: str = "") -> None:
        for name, field in model.model_fields.items():
            assert field.description or name == "root", prefix + name
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                fields(field.annotation, f"{prefix}{name}.")

    fields(Parameters)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"dpo": {"betta": 0.3}}, "dpo.beta"),
        ({"sft": {"learning_rat": 1e-4}}, "sft.learning_rate"),
        ({"beta": 0.3}, "dpo.beta"),
        ({"sead": 1}, "seed"),
    ],
)
def test_a_misspelt_parameter_is_refused_with_the_nearest_right_one(project: Path, given: dict, nearest: str) -> None:
    with pytest.raises(UserError, match=rf"there is no such parameter; did you mean {nearest}\?"):
        check(shipped(project, **given))


def test_shares_of_a_source_that_is_none_are_refused(project: Path) -> None:
    with pytest.raises(UserError, match=r"splits.sources: there is no source 'wikipdia'; did you mean wikipedia\?"):
        check(shipped(project, splits={"sources": {"wikipdia": {"test": 0.5}}}))


def test_all_mistakes_are_told_at_once(project: Path) -> None:
    with pytest.raises(UserError) as told:
        check(shipped(project, dpo={"beta": "much", "bta": 1}, seed="x"))
    assert all(name in str(told.value) for name in ("dpo.beta", "dpo.bta", "seed"))


def test_an_unknown_recipe_is_named() -> None:
    from arabic_llm_pipeline.recipes import candidates, chosen

    with pytest.raises(UserError, match="no recipe 'sft_dop'"):
        chosen("sft+sft_dop")
    assert candidates("sft_dpo+sft") == ["base", "sft", "sft_dpo"]
