import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.making import lines, read, reasons, said


def turn(name, role, text, *replies, **fields):
    about = {
        "message_id": name,
        "role": role,
        "text": text,
        "lang": "ar",
        "review_result": True,
        "deleted": False,
        "rank": None,
    }
    return about | {"replies": list(replies)} | fields


def tree(root, **fields):
    return {"message_tree_id": root["message_id"], "tree_state": "ready_for_export", "prompt": root} | fields


def ranked():
    """Three answers, the best in the middle; below it two follow-ups, of which only the second is answered."""
    follow = [
        turn("f1", "prompter", "شكرا"),
        turn("f2", "prompter", "ولماذا؟", turn("g", "assistant", "لأن")),
    ]
    return turn(
        "p", "prompter", "كيف؟",
        turn("a1", "assistant", "ثالث", rank=2),
        turn("a2", "assistant", "أول", *follow, rank=0),
        turn("a3", "assistant", "ثان", rank=1),
    )  # fmt: skip


def write(tmp_path, *values):
    path = tmp_path / "x.jsonl"
    path.write_bytes(lines(*values))
    return path


def test_the_best_path_is_the_conversation(tmp_path):
    found = read(write(tmp_path, tree(ranked())), format="oasst")
    assert said(found) == [["كيف؟", "أول", "ولماذا؟", "لأن"]]
    (row,) = found["documents"]
    assert (row["id"], row["kind"], row["lang"]) == ("s/p", "conversation", "ar")
    assert [one["role"] for one in row["messages"]] == ["user", "assistant", "user", "assistant"]
    assert not found["pairs"]


def test_every_ending_is_a_conversation_where_all_are_asked_for(tmp_path):
    """The answer that follow-ups come after has no ending of its own; the follow-up that nobody answers has none."""
    found = read(write(tmp_path, tree(ranked())), format="oasst", branches="all", pairs=True)
    assert said(found) == [["كيف؟", "أول", "ولماذا؟", "لأن"], ["كيف؟", "ثان"], ["كيف؟", "ثالث"]]
    assert [row["id"] for row in found["documents"]] == ["s/p-g", "s/p-a3", "s/p-a1"]
    assert len(found["pairs"]) == 2
    assert {row["kind"] for row in found["documents"]} == {"conversation"}


def test_what_reviewers_have_not_passed(tmp_path):
    new = turn("n", "assistant", "جديد", review_result=None, rank=0)
    passed = turn("o", "assistant", "قديم", rank=1)
    path = write(tmp_path, tree(turn("1", "prompter", "هل؟", new, passed)))
    assert said(read(path, format="oasst")) == [["هل؟", "جديد"]]
    found = read(path, format="oasst", reviewed=True)
    assert said(found) == [["هل؟", "قديم"]]
    assert reasons(found) == [(1, "unreviewed")]


def test_ranks_make_pairs(tmp_path):
    pairs = read(write(tmp_path, tree(ranked())), format="oasst", pairs=True)["pairs"]
    assert [(row["chosen"], row["rejected"], row["margin"]) for row in pairs] == [
        ("أول", "ثان", 1.0),
        ("أول", "ثالث", 2.0),
    ]
    assert [row["id"] for row in pairs] == ["s/p-1", "s/p-2"]
    assert pairs[0]["prompt"] == [{"role": "user", "content": "كيف؟"}]


def test_what_may_not_stay_goes_with_its_replies(tmp_path):
    spam = turn("a", "assistant", "اشتر", turn("b", "prompter", "ما هذا؟"), review_result=False)
    english = turn("c", "assistant", "Yes", lang="en")
    voted = turn("d", "assistant", "ربح", labels={"spam": {"value": 0.7, "count": 3}})
    poor = turn("e", "assistant", "لا", labels={"quality": {"value": 0.1, "count": 3}})
    good = turn("f", "assistant", "نعم", labels={"quality": {"value": 0.9, "count": 3}})
    path = write(
        tmp_path,
        tree(turn("1", "prompter", "هل؟", spam, english, voted, poor, good)),
        tree(turn("2", "prompter", "محذوف", turn("x", "assistant", "نعم"), deleted=True)),
        tree(turn("3", "prompter", "لا أحد يجيب", turn("y", "assistant", "x", deleted=True))),
        tree(turn("4", "prompter", "Hello", turn("z", "assistant", "Hi", lang="en"), lang="en")),
        tree(ranked(), tree_state="aborted_low_grade"),
    )
    found = read(path, format="oasst", languages=["ar"], min_quality=0.5)
    assert said(found) == [["هل؟", "نعم"]]
    assert reasons(found) == [
        (1, "spam"), (1, "other_language"), (1, "spam"), (1, "low_review"),
        (2, "deleted"), (3, "deleted"), (3, "no_answer"), (4, "other_language"), (5, "low_review"),
    ]  # fmt: skip


def test_broken_trees(tmp_path):
    path = write(
        tmp_path,
        5,
        tree(turn("1", "prompter", 5)),
        tree(turn("2", "bot", "x")),
        tree(turn("3", "assistant", "x")),
        {"prompt": None},
    )
    assert [reason for _, reason in reasons(read(path, format="oasst"))] == [
        "wrong_type",
        "wrong_type",
        "wrong_role",
        "wrong_role",
        "wrong_type",
    ]


def flat():
    parents = {"a1": "p", "a2": "p", "a3": "p", "f1": "a2", "f2": "a2", "g": "f2", "p": None}

    def walk(one):
        yield {k: v for k, v in one.items() if k != "replies"} | {
            "message_tree_id": "p",
            "parent_id": parents[one["message_id"]],
        }
        for reply in one["replies"]:
            yield from walk(reply)

    return list(walk(ranked()))


def test_flat_messages_are_the_same_tree(tmp_path):
    orphan = flat()[1] | {"message_id": "o", "parent_id": "nobody"}
    found = read(write(tmp_path, *flat(), orphan), format="oasst", pairs=True)
    nested = read(write(tmp_path, tree(ranked())), format="oasst", pairs=True)
    assert (found["documents"], found["pairs"]) == (nested["documents"], nested["pairs"])
    assert reasons(found) == [(8, "orphan_message")]


def test_parquet_of_the_hub_has_labels_as_lists(tmp_path):
    labels = {"name": ["spam", "quality"], "value": [0.9, 0.5], "count": [3, 3]}
    none = {"name": [], "value": [], "count": []}
    rows = [row | {"labels": labels if row["message_id"] == "a2" else none} for row in flat()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet", format="oasst")
    assert said(found) == [["كيف؟", "ثان"]]
    assert reasons(found) == [(0, "spam")]
