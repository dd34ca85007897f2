"""Articles in many scripts and charsets, and in the odd shapes pages have."""

# ruff: noqa: E501, RUF001 - sentences in other scripts stay in one piece, with their own marks

import pytest

from crawler.text.article import normalise
from storage.model import Article

ARABIC = (
    "قال عمال الميناء يوم الخميس إنهم ينتظرون أجورهم منذ أربعة أشهر كاملة، وإن أحدا في الشركة لم يقل لهم متى تدفع.",
    "وقالت إدارة الميناء إنها حولت المبلغ في حزيران، لكن الشركة تقول إنها لم تتسلم منه سوى الثلث حتى الآن.",
    "ومن المقرر أن تعقد المحكمة أول جلسة في الربيع، وقد أرجئت هذه الجلسة مرتين منذ ذلك الحين بلا سبب معلن.",
)
HEBREW = (
    "פועלי הנמל ממתינים לשכרם כבר ארבעה חודשים, ואיש במשרדי החברה לא ידע לומר ביום חמישי מתי ישולם להם הכסף.",
    "רשות הנמל אומרת שהעבירה את הסכום בחודש יוני, והחברה משיבה שקיבלה רק שליש ממנו ושהשאר עניין לבית המשפט.",
)
CHINESE = (
    "老港口的码头工人已经等了四个月的工资，周四公司办公室里没有人能说出什么时候才会发放这笔钱。",
    "港务局表示六月已经转账，公司则回答说只收到了三分之一，其余部分应当由法院来决定。",
)
RUSSIAN = (
    "Докеры старого порта ждут зарплату уже четыре месяца, и никто в конторе компании не мог сказать, когда её выплатят.",
    "Управление порта говорит, что перевело деньги в июне; компания отвечает, что получила лишь треть, а остальное решит суд.",
)


def html(paragraphs: tuple[str, ...], *, charset: str = "utf-8", direction: str = "ltr") -> str:
    text = "".join(f"<p>{one}</p>" for one in paragraphs)
    return (
        f"<html dir='{direction}'><head><meta charset='{charset}'><title>1</title></head><body>"
        f"<ul class='menu'><li><a href='/'>1</a></li></ul><div class='content'><h1>1</h1>{text}"
        "</div><div class='footer'><a href='#'>2</a></div></body></html>"
    )


def read(body: bytes, content_type: str = "text/html") -> Article:
    return normalise(body, url="https://quay.example/1", headers=[("Content-Type", content_type)])


def texts(article: Article) -> list[str]:
    return [block.text for block in article.blocks]


@pytest.mark.parametrize("charset", ["utf-8", "windows-1256", "iso-8859-6", "utf-16"])
def test_arabic_is_read_in_its_charsets(charset):
    """The four charsets Arabic newspapers have used give the same article."""
    body = html(ARABIC, charset=charset, direction="rtl").encode(charset)
    assert texts(read(body)) == list(ARABIC)


@pytest.mark.parametrize(
    ("paragraphs", "charset"),
    [
        (HEBREW, "windows-1255"),
        (HEBREW, "utf-8"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5"),
        (CHINESE, "utf-8"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "utf-8"),
    ],
)
def test_other_scripts_are_read(paragraphs, charset):
    """Hebrew, Chinese and Russian, in the charsets of their old pages too."""
    body = html(paragraphs, charset=charset).encode(charset, "xmlcharrefreplace")
    assert texts(read(body)) == list(paragraphs)


def test_verses_keep_their_repeated_lines():
    """A refrain between br elements is read as often as it is sung."""
    refrain = "And nobody came to load the ships that lay along the quay."
    verses = [
        f"The {word} of the harbour rose before the crane and the winter night was long."
        for word in ("dockers", "sailors", "keepers", "bakers")
    ]
    lines = "<br>".join(line for verse in verses for line in (verse, refrain))
    page = f"<html><body><article><h1>Song</h1><div>{lines}</div></article></body></html>"
    assert read(page.encode()).text.count(refrain) == 4


def test_a_live_blog_is_read_entry_by_entry():
    """Every entry of a live page is text, in the order of the page."""
    entries = [
        f"At {hour} o'clock the {word} of the port said that the talks went on behind closed doors."
        for hour, word in enumerate(("director", "minister", "union", "lawyer", "mayor"), start=8)
    ]
    posts = "".join(
        f"<div class='post'><h3>Entry {number}</h3><p>{text}</p></div>"
        for number, text in enumerate(entries)
    )
    page = f"<html><body><main><article><h1>Live</h1>{posts}</article></main></body></html>"
    found = read(page.encode()).text
    assert [found.find(text) for text in entries] == sorted(found.find(text) for text in entries)
    assert all(text in found for text in entries)
