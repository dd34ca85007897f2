"""What every change rule promises, held against every file in the folder."""

from dataclasses import replace
from types import ModuleType

import pytest
from readings import (
    OTHER,
    PARAGRAPHS,
    T0,
    URL,
    article,
    edited,
    error_page,
    failure,
    hop,
    reading,
    redirected,
)

from crawler import plugins
from crawler.changes import rules as folder
from crawler.changes.case import Case, Reading
from crawler.changes.surface import surface
from crawler.text.article import NOT_HTML, normalise
from storage.model import Alert, Article, Axis, Finding, Outcome, Severity

RULES = plugins.modules(folder)
SIGNS = ("challenge", "captcha", "password-field", "meta-refresh")


def odd_readings() -> list[Reading]:
    """Return looks of every outcome and of strange statuses, with and without a page."""
    odd = [failure(outcome) for outcome in Outcome]
    odd += [error_page(status=status) for status in (204, 304, 400, 401, 404, 410, 429, 451, 503)]
    odd += [
        reading(Article(url=URL), status=200),
        reading(Article(url=URL, warnings=(f"{NOT_HTML}: application/pdf",)), digest="sha1:P"),
        reading(article("", " \x00 ", "١٢ كلمة", "字" * 50, title="")),
        reading(article(*OTHER, signs=SIGNS)),
        reading(hops=(), headers=(("link", "<<>>; rel=;blocked-by"),), status=451),
        redirected("http://[broken/login"),
        redirected("https://paper.example/", article(*OTHER, title="Home")),
        reading(status=None, outcome=Outcome.OK),
        reading(image_digests={"https://paper.example/market.jpg": "x"}),
        edited("12", "14"),
    ]
    return odd


ODD = odd_readings()
BEFORES = [None, reading(), ODD[0], reading(Article(url=URL)), reading(article("one two"))]


@pytest.fixture(params=RULES.values(), ids=RULES.keys())
def module(request: pytest.FixtureRequest) -> ModuleType:
    found = request.param
    assert isinstance(found, ModuleType)
    return found


def test_a_rule_says_where_its_findings_belong(module: ModuleType):
    """A rule has an axis and a rank, and its file says what it is for."""
    rule = module.Rule()
    assert isinstance(rule.axis, Axis)
    assert isinstance(rule.rank, int)
    assert module.__doc__
    assert module.Rule.__doc__


def test_ranks_of_one_axis_are_different():
    """Two findings of one axis always come in the same order."""
    places = [(module.Rule().axis, module.Rule().rank) for module in RULES.values()]
    assert len(set(places)) == len(places)


def test_a_rule_never_raises_and_says_the_same_twice(module: ModuleType):
    """Whatever two looks brought, a rule returns a finding or None, and does so again."""
    for before in BEFORES:
        for after in ODD:
            case = Case(before=before, after=after)
            found = module.Rule().find(case)
            assert found == module.Rule().find(case)
            if found is not None:
                check(found, module)


def check(finding: Finding, module: ModuleType) -> None:
    """Hold one finding against the promise of its kind."""
    rule = module.Rule()
    assert finding.axis is rule.axis
    assert finding.rule == module.__name__.rpartition(".")[2]
    assert finding.kind.isidentifier()
    assert finding.kind.islower()
    assert finding.signals
    assert finding.summary
    assert "\n" not in finding.summary
    assert all(isinstance(value, str) for value in finding.details.values())


def test_an_unchanged_page_gives_no_finding(module: ModuleType):
    """The same page seen again, with the same bytes, is nothing to speak of."""
    twin = reading(at=T0.replace(hour=12))
    assert module.Rule().find(Case(before=reading(), after=twin)) is None


def test_the_look_of_a_text_is_no_edit(module: ModuleType):
    """Other quotes, dashes, spaces, soft hyphens and paragraph borders give no content alert."""
    first, *rest = PARAGRAPHS
    start, end = first.split(", 12 ")
    before = reading(article('It said "no" - twice.', *PARAGRAPHS))
    texts = ["It said \u201cno\u201d \u2013 twice.", f"{start},", f"12 {end}", *rest]
    set_anew = [
        text.replace(" who ", "\u00a0who\u00a0").replace("market", "mar\u00adket") for text in texts
    ]
    after = reading(article(*set_anew), digest="sha1:C")
    found = module.Rule().find(Case(before=before, after=after))
    assert found is None or (found.kind, found.alert) == ("cosmetic", Alert.NONE)


def test_no_look_without_a_server_is_about_content(module: ModuleType):
    """Where no good answer came, no content rule speaks."""
    if module.Rule().axis is not Axis.CONTENT:
        return
    for after in (failure(Outcome.TIMEOUT), error_page(status=404), error_page(status=503)):
        assert module.Rule().find(Case(before=reading(), after=after)) is None


# --- each rule's own kind, in several languages -------------------------------------------------

FRENCH = (
    (
        "Le conseil du port a voté lundi la fermeture de l'ancien marché aux poissons par 12 voix "
        "contre 3, après un débat qui a duré jusque tard dans la soirée."
    ),
    "Les marchands disent qu'ils n'ont pas été consultés et que la nouvelle halle n'a pas d'eau.",
)
ARABIC = (
    (
        "صوت مجلس المرفأ يوم الاثنين على إغلاق سوق السمك القديم بأغلبية 12 صوتا مقابل 3 "
        "أصوات بعد نقاش "
        "استمر حتى ساعة متأخرة من الليل."
    ),
    "وقال التجار إنهم لم يستشاروا وإن القاعة الجديدة على أطراف المدينة بلا ماء ولا ظل.",
)
RUSSIAN = (
    (
        "Совет порта проголосовал в понедельник за закрытие старого рыбного рынка: 12 "
        "голосов за и 3 "
        "против, после споров, которые шли до позднего вечера."
    ),
    "Торговцы говорят, что их не спросили и что в новом зале нет ни воды, ни тени.",
)


def kinds(before: Reading, after: Reading) -> dict[str, Finding]:
    case = Case(before=before, after=after)
    found = [module.Rule().find(case) for module in RULES.values()]
    return {one.kind: one for one in found if one is not None}


@pytest.mark.parametrize(
    ("texts", "old", "new"),
    [
        (PARAGRAPHS, "12 members", "14 members"),
        (PARAGRAPHS, "Nadia Karim", "Nadia Kamal"),
        (PARAGRAPHS, "had not been", "had been"),
        (PARAGRAPHS, "Tuesday as", "Tuesday at six as"),
        (FRENCH, "12 voix", "13 voix"),
        (ARABIC, "12 صوتا", "13 صوتا"),
        (RUSSIAN, "12 голосов", "13 голосов"),
    ],
)
def test_a_changed_fact_is_a_substantive_edit(texts, old, new):
    """A number, a name, a negation, a few words: told at once, with the words."""
    after = article(*(text.replace(old, new) for text in texts))
    found = kinds(reading(article(*texts)), reading(after, digest="sha1:B"))
    assert list(found) == ["substantive_edit"]
    assert found["substantive_edit"].alert is Alert.NOW


@pytest.mark.parametrize(
    ("texts", "old", "new"),
    [
        (PARAGRAPHS, "reporters", "reportres"),
        (PARAGRAPHS, "against, after", "against after"),
        (PARAGRAPHS, "whatever", "what ever"),
        (FRENCH, "halle", "hale"),
        (RUSSIAN, "вечера", "вечерра"),
        (ARABIC, "متأخرة", "متاخرة"),
    ],
)
def test_a_slip_of_the_pen_is_a_minor_edit(texts, old, new):
    """Spelling, punctuation and spacing go into a digest."""
    assert any(old in text for text in texts)
    after = article(*(text.replace(old, new) for text in texts))
    found = kinds(reading(article(*texts)), reading(after, digest="sha1:B"))
    assert list(found) == ["minor_edit"]
    assert found["minor_edit"].alert is Alert.DIGEST


@pytest.mark.parametrize("texts", [PARAGRAPHS, FRENCH, ARABIC, RUSSIAN])
def test_lost_paragraphs_are_a_removal(texts):
    """A paragraph that is gone without replacement is told with high severity."""
    found = kinds(reading(article(*texts)), reading(article(*texts[:-1]), digest="sha1:B"))
    assert list(found) == ["content_removed"]
    assert found["content_removed"].severity is Severity.HIGH


@pytest.mark.parametrize(
    ("note", "labelled"),
    [
        ("Correction: an earlier version gave a wrong number of members.", "yes"),
        ("Mise à jour : le conseil a répondu depuis.", "yes"),
        ("تصحيح: ورد في نسخة سابقة عدد خاطئ.", "yes"),
        ("Обновлено: совет ответил.", "yes"),
        ("The mayor was not to be reached for this story.", "no"),
    ],
)
def test_an_added_paragraph_is_a_notice(note, labelled):
    """New text without any loss is a notice, labelled if it says what it is."""
    found = kinds(reading(), reading(article(*PARAGRAPHS, note), digest="sha1:B"))
    assert list(found) == ["notice_added"]
    assert found["notice_added"].details["labelled"] == labelled


def test_a_headline_counts_when_h1_and_title_change_together():
    """One of the two alone is template; capital letters are no change."""
    other = article(title="Council saves fish market")
    assert list(kinds(reading(), reading(other, digest="sha1:B"))) == ["headline_changed"]
    half = replace(other, page_title=article().page_title)
    assert "headline_changed" not in kinds(reading(), reading(half, digest="sha1:B"))
    loud = article(title="COUNCIL CLOSES FISH MARKET")
    assert list(kinds(reading(), reading(loud, digest="sha1:B"))) == ["cosmetic"]


def test_a_picture_counts_by_its_bytes():
    """Another address is nothing, other bytes are a change, unknown bytes are not guessed at."""
    url = "https://paper.example/market.jpg"
    before = reading(image_digests={url: "sha1:X"})
    assert list(kinds(before, reading(image_digests={url: "sha1:Y"}))) == ["image_changed"]
    assert not kinds(before, reading(image_digests={}))
    cdn = article(images=(replace(article().images[0], url="https://cdn.example/1"),))
    assert not kinds(before, reading(cdn, image_digests={"https://cdn.example/1": "sha1:X"}))


def test_another_author_is_an_edit_of_substance():
    """A by-line that names somebody else is told, with both names."""
    found = kinds(reading(), reading(article(byline=("Rana Haddad",)), digest="sha1:B"))
    assert "Rana Haddad" in found["substantive_edit"].summary


def test_a_replaced_file_is_told_by_its_digest():
    """A PDF has no text here; other bytes are an edit all the same."""
    pdf = Article(url=URL, warnings=(f"{NOT_HTML}: application/pdf",))
    found = kinds(reading(pdf, digest="sha1:P"), reading(pdf, digest="sha1:Q"))
    assert found["substantive_edit"].rule == "file_replaced"


def test_a_move_is_a_redirect_to_the_same_article():
    """The new address is kept, and whether the redirect is meant for good."""
    there = "https://paper.example/2014/fish"
    found = kinds(reading(), redirected(there, status=302))
    assert found["moved"].details == {"moved_to": there, "permanent": "no"}
    assert kinds(reading(), redirected(there))["moved"].details["permanent"] == "yes"
    assert not kinds(redirected(there), redirected(there))


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (error_page(status=404), "gone"),
        (error_page(status=410), "gone"),
        (error_page(status=451), "blocked_legal"),
        (error_page(status=403), "access_denied"),
        (error_page(status=401), "access_denied"),
        (reading(article(*OTHER, title="Hello", signs=("password-field",))), "access_denied"),
        (
            redirected("https://paper.example/login?next=/7", article("Name", title="In")),
            "access_denied",
        ),
        (reading(article(*OTHER, title="Nothing here")), "soft_404"),
        (redirected("https://paper.example/", article(*OTHER, title="The Paper")), "soft_404"),
        (error_page(status=503), "server_error"),
        (error_page(status=429), "server_error"),
        (error_page(status=400), "broken_response"),
        (failure(Outcome.DNS), "unreachable"),
        (failure(Outcome.RESET), "unreachable"),
        (failure(Outcome.TRUNCATED), "broken_response"),
        (reading(Article(url=URL), status=200), "broken_response"),
        (error_page(status=403, headers=(("cf-mitigated", "challenge"),)), "bot_challenge"),
        (reading(article(*OTHER, title="Wait", signs=("challenge",))), "bot_challenge"),
    ],
)
def test_what_came_instead_has_a_name(after, kind):
    """The first availability finding of a bad look is its kind."""
    case = Case(before=reading(), after=after)
    rules = sorted((one.Rule() for one in RULES.values()), key=lambda rule: rule.rank)
    found = [rule.find(case) for rule in rules if rule.axis is Axis.AVAILABILITY]
    assert next(one.kind for one in found if one is not None) == kind


def test_marks_beside_the_article_are_no_gatekeeper():
    """Comment captchas, log-in boxes and network scripts stand on ordinary pages too."""
    assert not kinds(reading(), reading(article(signs=SIGNS)))


def test_who_blocks_is_kept():
    """RFC 7725 names the blocker in a Link header."""
    links = (("Link", '<https://court.example/42>; rel="blocked-by", </x>; rel=next'),)
    found = kinds(reading(), error_page(status=451, headers=links))
    assert found["blocked_legal"].details == {"blocked_by": "https://court.example/42"}


def test_the_same_headline_over_other_words_is_no_lost_page():
    """Under its own title a rewritten article stays an article: the edit is told, at once."""
    found = kinds(reading(), reading(article(*OTHER), digest="sha1:B"))
    assert "soft_404" not in found
    assert {"content_removed", "substantive_edit"} & set(found)


def test_an_empty_body_is_a_broken_answer():
    """Zero bytes with status 200 are a fault of the moment."""
    bare = replace(hop(), payload_bytes=0)
    assert "broken_response" in kinds(reading(), reading(Article(url=URL), hops=(bare,)))


# --- what came instead, in several languages ----------------------------------------------------


def page_of_words(title: str, text: str, *, extra: str = "", status: int = 200) -> Reading:
    """Return a look at a bare page that shows these words."""
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p>{extra}"
    return seen_page(html, status=status)


def seen_page(html: str, *, status: int = 200, url: str = URL) -> Reading:
    body, headers = html.encode(), (("Content-Type", "text/html; charset=utf-8"),)
    return reading(
        normalise(body, url=url, headers=headers),
        status=status,
        headers=headers,
        digest="sha1:Z",
        surface=surface(body, url=url, headers=headers),
    )


def newspaper(texts, *, after: str = "", title: str = "The port closes its market") -> Reading:
    """Return a look at an article within the template of its site."""
    links = "".join(f"<li><a href='/{name}'>{name}</a></li>" for name in ("news", "art", "sea"))
    paragraphs = "".join(f"<p>{text}</p>" for text in texts)
    return seen_page(
        f"<html><head><title>{title}</title></head><body><nav><ul>{links}</ul></nav><article>"
        f"<h1>{title}</h1>{paragraphs}{after}</article><footer><p>All rights reserved</p></footer>"
    )


LONG = {
    "en": (*PARAGRAPHS, "What becomes of the old halls by the quay will be told in the spring."),
    "fr": (
        *FRENCH,
        "Ce que deviendront les vieilles halles du quai sera dit au printemps prochain.",
    ),
    "ar": (*ARABIC, "أما مصير القاعات القديمة على الرصيف فسيعلن عنه في فصل الربيع المقبل."),
    "ru": (*RUSSIAN, "Какими будут старые залы на причале, скажут только следующей весной."),
}


def first_kind(before: Reading, after: Reading, **facts: object) -> str | None:
    case = replace(Case(before=before, after=after), **facts)  # type: ignore[arg-type]
    ranked = sorted((one.Rule() for one in RULES.values()), key=lambda rule: rule.rank)
    found = (rule.find(case) for rule in ranked if rule.axis is Axis.AVAILABILITY)
    return next((one.kind for one in found if one is not None), None)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Back soon", "We are doing some maintenance on our servers. Please try again later."),
        ("Site en travaux", "Des travaux techniques sont en cours, merci de réessayer plus tard."),
        ("تحديث", "الموقع مغلق مؤقتا لأعمال الصيانة وسنعود قريبا."),
        ("Перерыв", "Проводятся технические работы, попробуйте позже."),
        ("Bak\u0131m", "Sitemiz geçici olarak kapal\u0131."),
    ],
)
def test_a_page_that_asks_for_patience_is_no_takedown(title, text):
    """A short page without the site's template that speaks of maintenance is a passing fault."""
    assert first_kind(newspaper(LONG["en"]), page_of_words(title, text)) == "server_error"


@pytest.mark.parametrize(
    ("title", "text", "status"),
    [
        ("Suspended", "This website has been suspended. Please contact your host.", 200),
        ("Compte suspendu", "Ce compte est suspendu, contactez votre hébergeur.", 403),
        ("Аккаунт отключён", "Обратитесь к вашему хостинг-провайдеру.", 200),
        ("الحساب موقوف", "يرجى مراجعة شركة الاستضافة.", 403),
    ],
)
def test_a_closed_account_is_told_from_a_refusal(title, text, status):
    """Status 403 or 200: the hosting company's page says what became of the site."""
    after = page_of_words(title, text, status=status)
    assert first_kind(newspaper(LONG["fr"]), after) == "suspended"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("paper.example", "This domain is for sale. Make an offer today."),
        ("paper.example", "Ce nom de domaine est à vendre : faites une offre."),
        ("paper.example", "Домен продаётся. Похожие запросы: кредиты, билеты."),
        ("paper.example", "هذا النطاق معروض للبيع."),
    ],
)
def test_a_domain_for_sale_is_parked(title, text):
    """The template is gone and the words are those of a sale."""
    assert first_kind(newspaper(LONG["ru"]), page_of_words(title, text)) == "parked"


def test_keyword_links_are_parking_in_any_language():
    """Short links that differ in their query only need no words that we know."""
    links = "".join(f"<div><a href='/l?k={n}'>qwv {n}</a></div>" for n in range(6))
    after = page_of_words("zzk", "Xyq wvu tsr.", extra=links)
    assert first_kind(newspaper(LONG["en"]), after) == "parked"


def test_the_same_foreign_page_everywhere_is_the_host_s():
    """Another site at several watched addresses: hijacked or parked, whatever it says."""
    after = page_of_words("Kwx", "Blorp fnord glim. " * 9)
    assert first_kind(newspaper(LONG["en"]), after) == "soft_404"
    assert first_kind(newspaper(LONG["en"]), after, alike=3) == "parked"


@pytest.mark.parametrize(
    ("language", "wall"),
    [
        ("en", "Subscribe now to read on."),
        ("fr", "Cet article est réservé aux abonnés."),
        ("ar", "اشترك الآن لمتابعة القراءة."),
        ("ru", "Оформите подписку, чтобы читать дальше."),
    ],
)
def test_a_wall_after_the_beginning_is_denied_access(language, wall):
    """The first paragraph is kept, the rest gone, and words of a subscription stand there."""
    texts = LONG[language]
    after = newspaper(texts[:1], after=f"<div class='wall'><p>{wall}</p></div>")
    assert first_kind(newspaper(texts), after) == "access_denied"
    assert first_kind(newspaper(texts), newspaper(texts[:1])) is None


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_wall_is_told_by_its_place_where_its_words_are_not_known(language):
    """Right after the kept beginning, in a box that was not there before: no words are needed."""
    before, *_ = texts = (*LONG[language], *LONG["fr"])
    walled = newspaper([before], after="<div class='w'><p>Blorp fnord zimm 4,99.</p></div>")
    assert first_kind(newspaper(texts), walled) == "access_denied"
    note = newspaper([before, "Blorp fnord zimm 4,99."])
    assert first_kind(newspaper(texts), note) is None


@pytest.mark.parametrize(
    "text",
    [
        "Withheld in your country following a court order.",
        "Contenu retiré à la suite d'une décision de justice.",
        "Доступ закрыт на основании решения суда.",
        "حجب هذا المحتوى بأمر قضائي.",
    ],
)
def test_a_page_that_names_a_court_is_withheld(text):
    """Words of the law with status 200 or 403 say the same as 451."""
    before = newspaper(LONG["ar"])
    assert first_kind(before, page_of_words("Notice", text)) == "blocked_legal"
    assert first_kind(before, page_of_words("Notice", text, status=403)) == "blocked_legal"


def test_an_answer_like_that_to_an_unknown_address_is_sure():
    """The host's own way to say "not found" needs no words that we know."""
    chrome = "<nav><a href='/news'>news</a><a href='/art'>art</a><a href='/sea'>sea</a></nav>"
    page = f"<html><title>Vrok</title><body>{chrome}<h1>Vrok</h1><p>Blim fnord skeeg dro.</p>"
    case = Case(before=newspaper(LONG["en"]), after=seen_page(page))
    rule = RULES["soft_404"].Rule()
    plain, probed = rule.find(case), rule.find(replace(case, probe=seen_page(page)))
    assert plain is not None
    assert probed is not None
    assert (plain.details["confidence"], probed.details["confidence"]) == ("low", "high")
