"""Personal data: numbers made by the rules of their kind, what only looks like them, and real articles."""

import json
import lzma
import random

import polars as pl
import pytest

from arabic_llm_pipeline.arabic import personal

RNG = random.Random(7)
MANY = 120
BEFORE = ["رقمي ", "للتواصل: ", "اكتب إلى (", "هو ", "على\n", "«"]
AFTER = [" وشكرا", ".", "، ثم", ")", "\nنهاية", "»", ""]
EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
# A mobile number of each country as its people write it: code, number without the 0 before it, whether it has one.
MOBILES = {
    "SA": ("966", "5########", True), "AE": ("971", "50#######", True), "EG": ("20", "10########", True),
    "JO": ("962", "79#######", True), "IQ": ("964", "770#######", True), "SY": ("963", "94#######", True),
    "LB": ("961", "71######", False), "PS": ("970", "59#######", True), "YE": ("967", "77#######", True),
    "KW": ("965", "9#######", False), "QA": ("974", "55######", False), "BH": ("973", "39######", False),
    "OM": ("968", "92######", False), "LY": ("218", "91#######", True), "TN": ("216", "22######", False),
    "DZ": ("213", "55#######", True), "MA": ("212", "66#######", True), "MR": ("222", "36######", False),
    "SD": ("249", "91#######", True), "SO": ("252", "61#######", False), "DJ": ("253", "77######", False),
    "KM": ("269", "34#####", False),
}  # fmt: skip


def digits(pattern: str) -> str:
    return "".join(RNG.choice("0123456789") if char == "#" else char for char in pattern)


def luhn(number: str) -> str:
    """The number with its check digit, found by trying: another way than the code's."""
    for last in "0123456789":
        total = 0
        for place, char in enumerate(reversed(number + last)):
            value = int(char) * (2 if place % 2 else 1)
            total += value - 9 if value > 9 else value
        if total % 10 == 0:
            return number + last
    raise AssertionError(number)


def born() -> str:
    return f"{RNG.randint(40, 99)}{RNG.randint(1, 12):02d}{RNG.randint(1, 28):02d}"


def kuwaiti() -> str:
    while True:
        number = "2" + born() + digits("####")
        check = 11 - sum(int(a) * b for a, b in zip(number, (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
        if check < 10:
            return number + str(check)


def identity(number: int) -> str:
    made = [
        lambda: luhn(RNG.choice("12") + digits("########")),
        lambda: luhn("784" + digits("###########")),
        kuwaiti,
        lambda: RNG.choice("2") + born() + RNG.choice(["01", "12", "21", "88"]) + digits("#####"),
    ][number % 4]()
    return f"{made[:3]}-{made[3:7]}-{made[7:14]}-{made[14]}" if len(made) == 15 and RNG.random() < 0.5 else made


def iban(number: int) -> str:
    country = sorted(personal.IBAN_LENGTHS)[number % len(personal.IBAN_LENGTHS)]
    account = digits("#" * (personal.IBAN_LENGTHS[country] - 4))
    letters = "".join(str(ord(char) - 55) for char in country)
    made = f"{country}{98 - int(account + letters + '00') % 97:02d}{account}"
    return made if number % 3 else " ".join(made[place : place + 4] for place in range(0, len(made), 4))


def phone(number: int) -> str:
    code, pattern, trunk = list(MOBILES.values())[number % len(MOBILES)]
    own = digits(pattern)
    spaced = f"{own[:2]} {own[2:5]} {own[5:]}"
    forms = [f"+{code}{own}", f"00{code} {spaced}", f"+{code} {spaced.replace(' ', '-')}", f"(+{code}) {own}"[1:]]
    forms += [f"0{own}", f"0{spaced}"] if trunk else [f"+{code}-{own}"]
    made = forms[number // len(MOBILES) % len(forms)]
    return made.translate(EASTERN) if number % 5 == 0 else made


def ip(number: int) -> str:
    if number % 4 == 0:
        return ":".join(f"{RNG.randint(1, 0xFFFF):x}" for _ in range(8))
    return ".".join(str(RNG.randint(10, 255)) for _ in range(4))


def email(number: int) -> str:
    return f"{RNG.choice(['ali', 'm.sara', 'info'])}{number}@{RNG.choice(['example.com', 'mail.example.org'])}"


def url(number: int) -> str:
    return RNG.choice(["https://example.org/a/{}", "www.example.com/{}", "http://example.net/?q={}"]).format(number)


MAKERS = {"iban": iban, "national_id": identity, "phone": phone, "ip": ip, "email": email, "url": url}


@pytest.mark.parametrize("kind", personal.KINDS)
def test_made_ones_are_found_and_masked_whole(kind: str) -> None:
    found = [MAKERS[kind](number) for number in range(MANY)]
    around = [(RNG.choice(BEFORE), RNG.choice(AFTER)) for _ in found]
    texts = pl.Series([before + one + after for one, (before, after) in zip(found, around, strict=True)])
    wanted = [before + personal.masks()[kind] + after for before, after in around]
    missed = [
        (text, one) for text, one, right in zip(texts, personal.mask(texts, kind), wanted, strict=True) if one != right
    ]
    assert not missed, missed[:5]
    assert personal.count(texts, kind).to_list() == [1] * MANY


@pytest.mark.parametrize("kind", ["iban", "national_id"])
def test_a_wrong_digit_is_no_number_of_that_kind(kind: str) -> None:
    """Every checksum finds one wrong digit; Egypt's number has none."""
    kept = 0
    for number in range(MANY):
        made = MAKERS[kind](number)
        if kind == "national_id" and number % 4 == 3:
            continue
        wrong = made[:-1] + str((int(made[-1]) + RNG.randint(1, 9)) % 10)
        kept += len(personal.spans(f"رقم {wrong} هنا", kind))
    assert kept == 0


def test_numbers_that_others_published() -> None:
    """Examples of the documentation of other libraries and of the registry of IBANs."""
    for text in ("1000000008", "288020122596", "227081660516", "292091998298"):
        assert personal.spans(text, "national_id") == [(0, len(text))]
    accounts = ("SA0380000000608010167519", "AE070331234567890123456", "GB82WEST12345698765432")
    for text in (*accounts, "DE89370400440532013000", "JO94CBJO0010000000000131000302"):
        assert personal.spans(f"حساب {text} وغيره", "iban") == [(5, 5 + len(text))]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "من 1990 إلى 2005"), ("phone", "عدد السكان 12345678 نسمة"), ("phone", "ISBN 0501234567"),
        ("phone", "0 1 2 3 4 5 6 7 8 9"), ("phone", "الهاتف كاف، مع 1180000 خط"), ("phone", "Fattel (1714-1767)"),
        ("phone", "هاتف (1073-1145)"), ("phone", "x.org/0501234567"),
        ("phone", "20/10/2010 10:12:13"), ("phone", "3.14159265358979"), ("phone", "١٩٤٨-١٩٦٧"),
        ("phone", "05012345678901"),
        ("ip", "الإصدار 10.2.3.4"), ("ip", "1.3.2.1 عنوان"), ("ip", "300.1.2.3"), ("ip", "12:30:45"), ("ip", "a::b"),
        ("ip", "10.1.2.3.4"), ("iban", "SA00 1234 5678 9012 3456 7890"), ("iban", "ABCD1234"),
        ("iban", "AB12 CDEF GHIJ KLMN"),
        ("national_id", "2010203040"), ("national_id", "29913011234567"), ("national_id", "12345678901234567890"),
        ("national_id", "ردمك: 1000000008"), ("email", "على @ الساعة"), ("url", "و/أو"),
    ],
)  # fmt: skip
def test_what_only_looks_like_it(kind: str, text: str) -> None:
    assert personal.spans(text, kind) == [] if kind not in {"email", "url"} else True
    assert personal.count(pl.Series([text]), kind).to_list() == [0]
    assert personal.mask(pl.Series([text]), kind).to_list() == [text]


@pytest.mark.parametrize(
    "text", ["هاتف المكتب: 011 456 7890", "جوال/ 22334455", "Tel. 4455 6677", "للاتصال على الرقم 02-2345678"]
)
def test_a_word_announces_local_numbers(text: str) -> None:
    assert personal.count(pl.Series([text]), "phone").to_list() == [1]
    number = text[next(place for place, char in enumerate(text) if char.isdigit()) :]
    assert personal.count(pl.Series([number]), "phone").to_list() == [0]


def test_two_in_a_row_nulls_and_masked_text() -> None:
    texts = pl.Series(["0501234567 0557654321", None, "لا شيء"], dtype=pl.String)
    assert personal.count(texts, "phone").to_list() == [2, None, 0]
    beside = pl.Series(["0501234567/0557654321", "٠٥٥٦٦٢١٢٩٧ /٠٥٦٦٦١٨٠٦٩"])
    assert personal.count(beside, "phone").to_list() == [2, 2]
    once = personal.mask(texts, "phone")
    assert once.to_list() == ["[رقم هاتف] [رقم هاتف]", None, "لا شيء"]
    for kind in personal.KINDS:
        assert personal.mask(once, kind).to_list() == once.to_list()


def test_hardly_any_article_has_a_number_that_is_none(shared_data) -> None:
    """Articles of an encyclopedia hardly have numbers of people; what is found has been read: two telephones."""
    with lzma.open(shared_data / "wiki_ar" / "wiki_ar.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts = pl.Series([json.loads(line)["text"] for line in lines])
    found = {kind: int(personal.count(texts, kind).sum()) for kind in personal.KINDS}
    assert found["url"] > 100
    assert found["email"] == found["iban"] == found["national_id"] == 0
    assert found["phone"] + found["ip"] <= 3


def test_several_kinds_are_masked_as_if_one_after_another():
    account, mobile = "SA03 8000 0000 6080 1016 7519", "+966 50 123 4567"
    texts = ["", None, "لا شيء هنا", f"حسابي {account}", f"{mobile} ثم {account}", f"ali@example.com أو {mobile}"]
    wanted = pl.Series(texts, dtype=pl.String)
    for kind in personal.KINDS:
        wanted = personal.mask(wanted, kind)
    found = personal.mask_all(pl.Series(texts, dtype=pl.String), personal.KINDS[::-1])
    assert found.to_list() == wanted.to_list()
    assert [(text or "").count("[") for text in found] == [0, 0, 0, 1, 2, 2]
