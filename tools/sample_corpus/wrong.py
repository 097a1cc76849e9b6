"""Lines and records that are none, which the files of the sample hold among the good ones, by what is wrong."""

from typing import Any

LONG_LINE = 1_200_000  # bytes


def _line(text: str) -> bytes:
    return text.encode()


INSTRUCTIONS: list[tuple[str, Any]] = [
    ("output is null", {"instruction": "ما لون الليمون؟", "input": "", "output": None, "id": "alpaca-60001"}),
    ("output is null", {"instruction": "كم يدًا للإنسان؟", "input": "", "output": None, "id": "alpaca-60002"}),
    ("output is a list", {"instruction": "اذكر فاكهتين.", "input": "", "output": ["تين", "عنب"], "id": "alpaca-60003"}),
    ("output is missing", {"instruction": "اذكر نهرًا.", "input": "", "id": "alpaca-60004"}),
    ("output is empty", {"instruction": "اكتب بيتًا من الشعر.", "input": "", "output": "", "id": "alpaca-60005"}),
    ("output is empty", {"instruction": "صف بيتك.", "input": "", "output": " \n ", "id": "alpaca-60006"}),
    ("instruction is a number", {"instruction": 404, "input": "", "output": "غير موجود", "id": "alpaca-60007"}),
    ("instruction is null", {"instruction": None, "input": "نص", "output": "نص آخر", "id": "alpaca-60008"}),
    ("record is a text", "هذا ليس سجلًا"),
]
WEB: list[tuple[str, bytes]] = [
    ("broken JSON", _line('{"id": "web-901", "title": null, "text": "انقطع السطر قبل أن')),
    ("broken JSON", _line("{'id': 'web-902', 'text': 'علامات اقتباس مفردة'}")),
    ("text is a number", _line('{"id": "web-903", "title": null, "text": 2024}')),
    ("text is a list", _line('{"id": "web-904", "title": null, "text": ["فقرة", "فقرة أخرى"]}')),
    ("text is null", _line('{"id": "web-905", "title": null, "text": null}')),
    ("text is missing", _line('{"id": "web-906", "title": "بلا نص"}')),
    ("text is empty", _line('{"id": "web-907", "title": null, "text": ""}')),
    ("line is a number", _line("17")),
    ("invalid UTF-8", _line('{"id": "web-908", "title": null, "text": "بايت ') + b'\xd8\xff\xfe"}'),
    ("invalid UTF-8", _line('{"id": "web-909", "title": null, "text": "قديم ') + "سلام".encode("cp1256") + b'"}'),
    ("line over 1 MB", _line('{"id": "web-910", "title": null, "text": "' + "قائمة " * (LONG_LINE // 11) + '"}')),
    ("blank line", _line("")),
    ("blank line", _line("  ")),
]
SENTENCES: list[tuple[str, bytes]] = [
    ("column missing", _line("جملة بلا لهجة")),
    ("column missing", _line("وجملة أخرى كذلك")),
    ("column too many", _line("جملة\tMSA\tزيادة")),
    ("unknown dialect", _line("كلام لا نعرف من قاله\tXXX")),
    ("unknown dialect", _line("وكلام آخر\tKLINGON")),
    ("text is empty", _line("\tEGY")),
    ("invalid UTF-8", _line("جملة ") + b"\xc7\xe1" + _line("\tMSA")),
]
PAIRS: list[tuple[str, bytes]] = [
    ("broken JSON", _line('{"prompt": "ما لون الثلج؟", "chosen": "اللون هو أبيض."')),
    ("rejected is null", _line('{"prompt": "ما لون الفحم؟", "chosen": "اللون هو أسود.", "rejected": null}')),
    ("chosen is rejected", _line('{"prompt": "ما لون العشب؟", "chosen": "أخضر", "rejected": "أخضر"}')),
]
