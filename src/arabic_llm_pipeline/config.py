"""Environments stack: `--env=gtx1650_4gb+mine` is base, then each folder in turn, then `--params`."""

from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf
from yaml.parser import ParserError

from arabic_llm_pipeline.common.errors import UserError

GLOBALS = "globals.yml"
PLAIN = ("local", "base")  # environments whose experiment is called `default`


class StackedConfigLoader(OmegaConfigLoader):
    """Kedro's loader for any number of environments, and the `experiment` resolver of the catalog.

    `${experiment:}` is the runtime parameter `experiment`, or else the name of the environment: so neither an
    experiment nor an environment moves another's links.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["custom_resolvers"] = {**kwargs.get("custom_resolvers", {}), "experiment": self.experiment}
        super().__init__(*args, **kwargs)

    def experiment(self) -> str:
        """The name under which this run's artifacts are linked."""
        named = (self.runtime_params or {}).get("experiment")
        env = self.env or self.default_run_env
        return str(named or ("default" if env in PLAIN else env.replace("/", "-").lstrip(".-")))

    def _read_raw_config(self, key: str) -> tuple[dict[Any, Any], dict[Any, Any], str, str, set[Any]]:
        processed: set[Any] = set()
        path = self._get_conf_env_path(self.base_env)
        return self._read(path, key, processed), {}, path, "", processed

    def _resolve_from_raw_config(
        self,
        key: str,
        base_configs: Any,
        env_configs: Any,  # noqa: ARG002  Kedro reads one environment; here they are read below
        base_path: str,  # noqa: ARG002
        env_path: str,  # noqa: ARG002
        processed_files: set[Any],
    ) -> Any:
        result = self._merge_and_resolve(key, base_configs)
        for layer in self._layers():
            path = self._get_conf_env_path(layer)
            more = self._merge_and_resolve(key, self._read(path, key, processed_files))
            result = self._merge_configs(result, more, key, path)
        return result

    def _layers(self) -> list[str]:
        """The environments that are named, each after those that it stands on (`stands_on` in its globals.yml)."""
        found: list[str] = []
        for layer in (self.env or self.default_run_env).split("+"):
            self._add_layer(layer, found, ())
        return found

    def _add_layer(self, layer: str, found: list[str], above: tuple[str, ...]) -> None:
        path = self._get_conf_env_path(layer)
        if layer in above:
            raise UserError(f"--env={self.env}: {' stands on '.join((*above, layer))}. Take one of them out.")
        if not self._fs.isdir(path):
            raise UserError(f"--env={self.env}: there is no folder {path}. Make it, or name one that is there.")
        file = f"{path}/{GLOBALS}"
        below = OmegaConf.create(self._fs.cat_file(file).decode()) if self._fs.isfile(file) else {}
        for other in below.get("stands_on") or ():
            self._add_layer(str(other), found, (*above, layer))
        if layer not in found:
            found.append(layer)

    def _read(self, path: str, key: str, processed: set[Any]) -> dict[str, Any]:
        try:
            return self._read_dir_configs(path, self.config_patterns[key], key, processed, key == "credentials")
        except ParserError as error:
            seen = error.__cause__
            raise UserError(f"{path} cannot be read as YAML: {error}" + (f"\n{seen}" if seen else "")) from error
