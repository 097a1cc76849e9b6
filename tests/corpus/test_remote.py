"""Sources that lie elsewhere: the same records as from this disk, known by what their storage says of them."""

import functools
import http.server
import json
import os
import pickle
import sys
import threading

import fsspec
import polars as pl
import pytest
from pydantic import ValidationError

from arabic_llm_pipeline.artifacts.digests import Memory
from arabic_llm_pipeline.artifacts.outside import external_key
from arabic_llm_pipeline.common import remote
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.remote import RemoteFile, find, secret_in, shown
from arabic_llm_pipeline.corpus.streams import Line, read_lines
from arabic_llm_pipeline.datasets.sources import SourceFiles
from tests.corpus.making import COMPRESS, lines, read, reasons, said, settings

ROWS = [{"t": f"نص بعيد رقم {n}"} for n in range(40)]
WANTED = [[row["t"]] for row in ROWS]
MAP = {"columns": {"text": "t"}}


@pytest.fixture
def bucket():
    """A folder in memory, as a URL."""
    yield "memory:///remote-test"
    fsspec.filesystem("memory").rm("/remote-test", recursive=True)


def put(url: str, data: bytes) -> RemoteFile:
    with fsspec.open(url, "wb") as file:
        file.write(data)
    return RemoteFile(url)


@pytest.mark.parametrize("ending", COMPRESS)
def test_text_of_every_compression(bucket, ending):
    file = put(f"{bucket}/x.jsonl{ending}", COMPRESS[ending](lines(*ROWS)))
    assert said(read(file, format="jsonl", **MAP)) == WANTED
    assert said(read(put(f"{bucket}/named-otherwise", COMPRESS[ending](lines(*ROWS))), format="jsonl", **MAP)) == WANTED


@pytest.mark.parametrize("form", ["parquet", "arrow", "stream", "json"])
def test_the_other_formats(bucket, tmp_path, form):
    here = tmp_path / "x"
    frame = pl.DataFrame(ROWS)
    write = {
        "parquet": frame.write_parquet,
        "arrow": frame.write_ipc,
        "stream": frame.write_ipc_stream,
        "json": lambda path: path.write_text(json.dumps(ROWS), encoding="utf-8"),
    }
    write[form](here)
    file = put(f"{bucket}/x.{form}", here.read_bytes())
    assert said(read(file, format={"stream": "arrow"}.get(form, form), **MAP)) == WANTED


def test_damage_there_is_damage_here(bucket):
    packed = COMPRESS[".gz"](lines(*ROWS))
    found = read(put(f"{bucket}/x.jsonl.gz", packed[: len(packed) // 2]), format="jsonl", **MAP)
    assert reasons(found)[-1][1] == "broken_archive"
    assert [one.reason for one in read_lines(put(f"{bucket}/empty", b""), 10)] == ["empty_file"]


def test_names_and_globs(bucket):
    for name in ("a/2.txt", "a/1.txt", "a/[x].txt", "b.txt"):
        put(f"{bucket}/{name}", b"x")
    assert [file.name for file in find(f"{bucket}/a/*.txt")] == ["1.txt", "2.txt", "[x].txt"]
    assert find(f"{bucket}/a/[x].txt") == [RemoteFile(f"{bucket}/a/[x].txt")]
    assert find(f"{bucket}/no/*.txt") == [RemoteFile(f"{bucket}/no/*.txt")]
    assert not RemoteFile(f"{bucket}/no.txt").is_file()
    assert not RemoteFile(f"{bucket}/a").is_file()  # a folder


def test_a_file_url_is_read_as_a_path(tmp_path):
    (tmp_path / "x.txt").write_text("سطر", encoding="utf-8")
    file = find(f"file://{tmp_path}/*.txt")[0]
    assert list(read_lines(file, 100)) == [Line(1, "سطر")]
    before = file.stamp()
    os.utime(tmp_path / "x.txt", (1, 1))
    assert RemoteFile(file.url).stamp() != before  # size and date are all that is known without reading it


def test_what_storage_says_counts_with_the_place(bucket, tmp_path):
    (tmp_path / "here.txt").write_text("x", encoding="utf-8")
    entry, memory = SourceFiles(), Memory(tmp_path / "memory")
    entry.bind(tmp_path, {"s": ["here.txt", f"{bucket}/*.txt"]})
    assert external_key(entry, memory) is None  # nothing is there
    put(f"{bucket}/there.txt", "نص".encode())
    before = external_key(entry, memory)
    assert before
    assert external_key(entry, memory) == before
    put(f"{bucket}/there.txt", "شعر".encode())
    assert external_key(entry, memory) not in (before, None)
    assert [str(file) for file in entry.load().files["s"]] == [str(tmp_path / "here.txt"), f"{bucket}/there.txt"]
    assert entry.preview()["data"][0][2:4] == [2, 1 + 6]


def test_without_checksum_or_date_the_content_is_read(bucket, monkeypatch):
    file = put(f"{bucket}/x", b"one")
    monkeypatch.setitem(file.__dict__, "_info", {"size": 3, "type": "file"})
    one = file.stamp()
    fsspec.filesystem("memory").pipe("/remote-test/x", b"two")
    assert json.loads(one)["sha256"] == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert file.stamp() != one


def test_a_storage_that_fails_stops_the_run(bucket, monkeypatch):
    """What comes after would be missing, and nobody would know: this is no damaged file."""
    file = put(f"{bucket}/x.jsonl", b"\n".join([lines(*ROWS)] * 500))
    system = fsspec.filesystem("memory", use_listings_cache=False)

    class Failing:
        def __init__(self, inside):
            self.inside, self.reads = inside, 0

        def read(self, size):
            self.reads += 1
            if self.reads > 2:
                raise ConnectionError("reset by peer at https://host/x?X-Amz-Signature=abc")
            return self.inside.read(size)

        def close(self):
            self.inside.close()

    monkeypatch.setattr(type(system), "open", lambda self, path, mode: Failing(system._open(path, mode)))
    with pytest.raises(UserError, match="ConnectionError: reset by peer") as raised:
        read(file, format="jsonl", **MAP)
    assert "abc" not in str(raised.value)


def test_storage_that_nobody_knows_or_has_not_installed(monkeypatch):
    with pytest.raises(UserError, match="knows no nonsense://"):
        RemoteFile("nonsense://x/y").is_file()
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(UserError, match=r"arabic-llm-pipeline\[s3\]"):
        find("s3://x/*.parquet")


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://name:word@host/x", "a name or password"),
        ("https://token@host/x", "a name or password"),
        ("sftp://name:word@host/x", "a name or password"),
        ("https://host/x?X-Amz-Date=1&X-Amz-Signature=abc", "X-Amz-Signature"),
        ("https://host/x?sv=1&sig=abc", "sig"),
        ("https://host/x?access_token=abc", "access_token"),
        ("https://host/x?download=true", None),
        ("abfs://container@account/x", None),
        ("s3://bucket/key", None),
    ],
)
def test_a_configuration_holds_no_secret(url, secret):
    assert secret_in(url) == secret
    if secret:
        with pytest.raises(ValidationError, match="parameters are kept") as raised:
            settings(format="text", path=["a.txt", url])
        told = raised.value.errors()[0]["msg"]
        assert not {"abc", "word", "token@"} & set(told.replace("/", " ").replace("=", " ").split())
    else:
        assert settings(format="text", path=url).paths == [url]


def test_a_message_shows_no_query():
    assert shown("Forbidden: 'https://u:p@host/x?sig=abc', see https://other/y?k=v.") == (
        "Forbidden: 'https://host/x?...', see https://other/y?..."
    )


def test_a_remote_file_travels(bucket):
    file = put(f"{bucket}/a b.jsonl.gz", b"x")
    assert (file.name, file.suffix, file.stat().st_size) == ("a b.jsonl.gz", ".gz", 1)
    assert pickle.loads(pickle.dumps(file)) == file


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    """A web server of this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_web_server(served, tmp_path):
    pytest.importorskip("aiohttp", reason="fsspec reads http:// with aiohttp")
    (tmp_path / "x.jsonl.gz").write_bytes(COMPRESS[".gz"](lines(*ROWS)))
    file = RemoteFile(f"{served}/x.jsonl.gz?download=true")
    assert (file.name, file.is_file()) == ("x.jsonl.gz", True)
    assert said(read(file, format="jsonl", **MAP)) == WANTED
    assert "Last-Modified" in file.stamp()
    assert not RemoteFile(f"{served}/absent").is_file()
    with pytest.raises(UserError, match="Name each file"):
        find(f"{served}/*.jsonl")
    with pytest.raises(UserError, match="cannot be read: ClientConnector"):
        RemoteFile("http://127.0.0.1:9/x").is_file()


@pytest.fixture(scope="module")
def s3():
    """A server of this machine that speaks S3, with one bucket."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'arabic-llm-pipeline[s3]'")
    server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[server,s3]'")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-word")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        remote.file_system("s3://x").mkdir("corpus")
        yield "s3://corpus"
    running.stop()


def test_s3(s3, tmp_path):
    pl.DataFrame(ROWS).write_parquet(tmp_path / "x.parquet")
    for n in (2, 1):
        put(f"{s3}/a/{n}.parquet", (tmp_path / "x.parquet").read_bytes())
    found = find(f"{s3}/a/*.parquet")
    assert [str(file) for file in found] == [f"{s3}/a/{n}.parquet" for n in (1, 2)]
    assert said(read(found[0], format="parquet", **MAP)) == WANTED
    before = RemoteFile(found[0].url).stamp()
    put(found[0].url, (tmp_path / "x.parquet").read_bytes())
    assert RemoteFile(found[0].url).stamp() == before  # the same bytes have the same ETag, whenever they came
    assert not RemoteFile(f"{s3}/absent").is_file()


def test_s3_without_credentials(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(UserError, match="AWS_ACCESS_KEY_ID") as raised:
        find(f"{s3}/a/*.parquet")
    assert "NoCredentialsError" in str(raised.value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
