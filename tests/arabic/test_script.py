"""Scripts of texts written for this test, in Arabic, in Arabizi of four regions, in English and French."""

import re

import polars as pl
import pytest

from arabic_llm_pipeline.arabic import script

TEXTS = {
    "arabizi": {
        "EGY": """ana mesh 3aref a3mel eh delwa2ty
            ezayak ya basha, 3amel eh enharda?
            el mobile bta3i bayez mn embare7
            kont 3ayez as2al 3an el se3r law sama7t
            mafeesh moshkela, bokra netkallem inshallah
            wallahi ana ta3ban awy w msh 2ader anam
            howa enta gay el fara7 wala la2?
            ya rab tenga7 fel emte7an w tefra7 mama
            akalna koshary fi wost el balad w kan gamed
            leh keda ya 7abibi, ma3lesh
            ed3eely ana 3andi meeting kaman shewaya""",
        "LEV": """kifak shu 3am ta3mel hal2?
            ma fini eje lyom, 3endi shoghel ktir
            shu hayda? ma fhemet shi menno
            badde rou7 3al b7er ma3 rf2ati
            yalla nshalla mnshufak bukra bel beit
            ktir 7elwe hal soura, wen msawra?
            la2 mish ana yalli 7kit ma3o
            khalas ma t3awda marra tanye
            keefik inti? sarli zaman ma sme3t sawtik
            el ta2s bared w 3am tshatti barra""",
        "GLF": """shlonak? 3asak b5air
            wesh tabi men el souq, bamer 3aleeh
            ana alhin bel dawam, akallimk ba3dain
            wallah ma adri wain ra7 elmefta7
            t3al 3endna el7een, el gahwa jahza
            6ayib, bashouf w arid 3alaik
            ya5i elzahma el youm ma ten6ag
            mashallah 3alaik, wayed zain shghlek
            abgha a7jez maw3ed 3end el doktor
            shfeek za3lan? 9ayer shay?""",
        "MGR": """labas 3lik khouya, kif dayer?
            ma3ndich lwa9t daba, nhdro ghedda
            wach kayn chi restaurant zwin 7da dar?
            chnowa 7walek, barcha wa9t ma chaftekch
            rani fel khedma, nji m3a la3chiya
            ma fhemtch wach bghiti tgoul
            bezzaf d nas kanou f souk lyoum
            nhebbek barcha ya omri
            3lach ma jitich lbareh? stannitek bzef
            hadchi makanch f lbal""",
    },
    "latin": {
        "English": """I would like to know how this works before we buy it
            The meeting was moved to 3pm because two people were late
            Habibi is a word that many visitors learn in the first week
            She paid $25 for the mp3 player and 2 cables
            Please send the report by Monday, thanks
            Inshallah means God willing, and people say it all the time
            My flight leaves at 7am from gate B2
            We watched a film in 3D and then had dinner
            Hello world
            The museum in Tunis opens at nine
            Covid19 changed the way that we work
            He lives in Riyadh with his wife and 3 sons
            GPT3 and BERT are language models""",
        "French": """Je ne sais pas encore si nous pourrons venir demain
            Il faut que tu arrives avant 8h pour prendre le train
            La médina de Fès est très belle au printemps
            Merci beaucoup pour votre aide, à bientôt
            Nous avons mangé un couscous chez mes parents
            Le 2ème étage est fermé depuis 3 jours
            C'est une bonne idée mais c'est trop cher
            On se voit ce soir devant la gare
            Mon frère travaille à Casablanca depuis cinq ans
            Les élèves ont lu deux chapitres du livre""",
    },
    "mixed": {
        "": """اشتريت laptop جديد من Amazon وكان shipping سريع
            عندي meeting الساعة ثلاثة with my manager
            الفيلم كان amazing والله العظيم so good
            kifak يا صديقي shu الأخبار
            je suis في البيت اليوم""",
    },
    "arabic": {
        "": """ذهبنا إلى المتحف مع الأولاد صباح الجمعة
            برنامج Excel مفيد في حساب مصاريف البيت كل شهر
            قال 3 مرات إنه لن يأتي
            مش عارف أعمل إيه دلوقتي
            ڤيروس جديد انتشر في الشتاء""",
    },
    "other": {
        "": """12345
            ...
            Привет, как дела?
            سلام 你好 你们 好吗""",
    },
}
LINES = [
    (line.strip(), wanted, region)
    for wanted, by_region in TEXTS.items()
    for region, lines in by_region.items()
    for line in lines.splitlines()
]


def found(texts: list[str]) -> list[str]:
    return script.script_series(pl.Series(texts)).to_list()


def test_precision_and_recall_of_arabizi() -> None:
    texts, wanted, _ = zip(*LINES, strict=True)
    tags = found(list(texts))
    right = sum(tag == want == "arabizi" for tag, want in zip(tags, wanted, strict=True))
    assert len(texts) > 75
    assert right / tags.count("arabizi") == 1
    assert right / wanted.count("arabizi") >= 0.95


@pytest.mark.parametrize(("text", "wanted"), [(text, wanted) for text, wanted, _ in LINES if wanted != "arabizi"])
def test_other_scripts(text: str, wanted: str) -> None:
    assert script.script(text) == wanted


@pytest.mark.parametrize(
    "word", ["7abibi", "3andi", "ma7al", "sa77", "9albi", "wallahhhh", "HABIBI", "mafhemtch", "3ın"]
)
def test_words_of_arabizi(word: str) -> None:
    assert script.script(word) == "arabizi"


@pytest.mark.parametrize(
    "word", ["mp3", "2nd", "a1b2", "x86", "sha256", "7am", "windows10", "a7f39e2", "match", "h264"]
)
def test_words_that_are_none(word: str) -> None:
    assert script.script(word) == "latin"


def test_counts_against_a_count_by_patterns() -> None:
    texts = [text for text, _, _ in LINES]
    for text, row in zip(texts, script.counts(pl.Series(texts)), strict=True):
        words = re.findall(r"\w+", text)
        arabic = sum(bool(re.search("[ء-ي]", word)) for word in words)
        latin = sum(bool(re.search("[a-zA-ZÀ-ɏ]", word)) for word in words)
        assert (row[0], row[1]) == (arabic, latin)
        assert row[0] + row[1] + row[2] == sum(bool(re.search(r"[^\W\d_]", word)) for word in words)
        assert row[3] + row[4] <= row[1]


def test_a_column_with_nulls_and_of_none() -> None:
    texts = pl.Series("name", ["مرحبا", None, ""])
    assert script.script_series(texts).to_list() == ["arabic", None, "other"]
    assert script.script_series(texts).name == "name"
    assert script.script_series(texts.clear()).to_list() == []


def test_word_lists_do_not_overlap() -> None:
    rows = script.lexicon.read_table("latin_words.tsv")
    lists = {
        kind: [w for row in rows if row["language"] == kind for w in row["words"].split()] for kind in script.LANGUAGES
    }
    assert not {*lists["arabizi"]} & {*lists["european"]}
    assert all(len(words) == len({*words}) for words in lists.values())
