"""Hold the words by which by-lines and date lines are known, language by language."""

BY_STRONG = (
    # English
    r"(?:written|reported|reporting|posted|published|submitted|contributed|compiled)\s+by",
    r"(?:story|words|text|report|analysis|opinion|interview)\s+by",
    r"(?:the\s+)?authors?",
    # German
    r"(?:text|verfasst|geschrieben|veröffentlicht|erstellt|gepostet|eingestellt|(?:ein\s+)?(?:gast)?(?:beitrag|kommentar|interview))\s+von",
    r"autor(?:in|en|innen)?",
    # French
    r"(?:écrit|rédigé|publié|propos\s+recueillis|texte)\s+par",
    r"auteure?s?",
    # Spanish, Italian
    r"(?:escrito|texto|publicado)\s+por",
    r"autora?(?:es)?",
    r"a\s+cura\s+di",
    # Russian
    r"автор(?:ы|\s+текста)?",
    # Arabic
    r"بقلم|الكاتبة?|كتابة|إعداد",
    # Hebrew, Chinese, Japanese
    r"מאת|作者|記者|记者",
)
"""Words that only by-lines begin with."""

BY_BEHIND = ("by", "von", "par", "por", "di", "door", "av", "af", "от", "بقلم")
"""Words for "by" behind a date: ``Posted on October 10, 2014 by …``."""

BY_WEAK = (
    "by",
    "von",
    "par",
    "por",
    "di",
    "door",
    "av",
    "af",
    "text",
    "texte",
    "texto",
    "текст",
    "كتبت?",
    "المصدر",
)
"""Words that by-lines begin with, and sentences too."""

OTHER_HANDS = (
    # English
    r"\btranslat(?:ed|ion|or)\b",
    r"\bphoto(?:s|graph(?:s|y|ed)?)?\b",
    r"\bpictures?\b",
    r"\billustrat(?:ed|ions?)\b",
    r"\bedit(?:ed|ing)\b",
    r"\b(?:medically\s+)?review(?:ed|er)\b",
    r"\bfact[- ]check(?:ed)?\b",
    r"\bgraphics?\b|\bvideo\b|\bresearch\b",
    # German
    r"\bübersetz(?:t|ung)\b",
    r"\bfotos?\b|\bbild(?:er)?\b|\billustration(?:en)?\b|\bbearbeitet\b|\bredigiert\b|\bgeprüft\b",
    # French, Spanish, Italian
    r"\btrad(?:uit|uction|ucido|ucción|uttore|uzione)\b",
    r"\bphotographie\b|\bédité\b",
    r"\bfotografía\b|\beditado\b|\bilustraci(?:ón|ones)\b",
    # Russian, Arabic, Chinese
    r"перев[её]л|перевод|фото|редактор",
    r"ترجمة|ترجمها|تصوير|تحرير",
    r"翻译|摄影",
)
"""Words that name somebody who did not write the text: translators, photographers, editors."""

CREDIT = (
    r"\bphoto(?:graph)?s?\s+by\b",
    r"\b(?:photo|photograph|picture|image|credit)s?(?=\s{0,3}[:/])",
    r"\bfotos?(?=\s{0,3}[:/])|\bbild(?:quelle)?(?=\s{0,3}[:/])",
    r"\b(?:crédit|photographie|fotografía|crédito)s?(?:\s+photo)?(?=\s{0,3}[:/])",
    r"\b\u0444\u043e\u0442\u043e(?=\s{0,3}[:/])|تصوير(?=\s{0,3}:)|صورة(?=\s{0,3}:)",
    r"\u00a9|\(c\)",
)
"""Words before the name of who made a picture."""

ROLES = (
    "reporter reporters writer writers editor editors correspondent correspondents journalist "
    "columnist staff contributor contributors contributing producer photographer chief officer "
    "director professor president ceo cto founder cofounder senior special guest desk newsroom "
    "team author analyst fellow lecturer minister host critic editorial bureau intern freelance "
    "opinion "
    "redakteur redakteurin autor autorin korrespondent korrespondentin journalistin volontär "
    "projektleiter projektleiterin geschäftsführer leiter leiterin chefredakteur redaktion "
    "journaliste rédacteur rédactrice correspondant correspondante envoyé envoyée directeur "
    "redactor redactora periodista corresponsal enviado columnista "
    "корреспондент редактор журналист обозреватель специальный "
    "مراسل مراسلة محرر محررة صحافي صحفي صحافية كاتب كاتبة "
    "기자 특파원 記者 记者"
)
"""What people are in a newsroom or an office: said behind a name, and no name."""

BODIES = (
    "news times post press media agency agencies radio tv network networks magazine journal "
    "tribune herald daily weekly gazette guardian telegraph online inc ltd gmbh university "
    "institute foundation association newspaper newspapers wire wires service company board "
    "committee "
    "reuters afp ap dpa apa pti ani ians upi efe ansa tass xinhua bloomberg cnn bbc "
    "redaktion verein stiftung zeitung nachrichten presse agentur "
    "rédaction agence redacción agencia redazione "
    "редакция новости тасс риа"
)
"""Words in the names of newspapers, agencies and offices."""

NOBODY = (
    "admin administrator root user webmaster author autor by none null undefined unknown anonymous "
    "default guest editor owner superuser system test na"
)
"""What programs write where an author's name should stand."""

COUNTED = (
    r"comments?|views?|shares?|likes?",
    r"kommentare?|aufrufe?",
    r"commentaires?|vues",
    r"comentarios?|visitas?|commenti",
    r"\u043a\u043e\u043c\u043c\u0435\u043d\u0442\u0430\u0440\w{0,3}|\u0645?\u062a?\u062a\u0639\u0644\u064a\u0642\w{0,3}",
)
"""What is counted beside a title."""

BUTTONS = (
    "share follow subscribe login logout register profile view print email e-mail read more about "
    "comment comments page updated published copyright © search menu home min minutes "
    "teilen folgen anmelden abonnieren drucken mehr minuten uhr "
    "partager suivre imprimer lire compartir seguir imprimir leer"
)
"""Words on the buttons beside a by-line."""

SMALL = (
    "al el ad de da do dos du di del della von van der den la le bin ibn abu ben y e of for the "
    "zu zur ter ten af av und"
)
"""Words in names that are written without a capital."""

BETWEEN = ("and", "und", "et", "y", "e", "и", "with", "mit", "avec", "con", "og", "och", "en", "ve")
"""Words between two names."""

WEEKDAYS = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    r"(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch",
    "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
    "lunes|martes|miércoles|jueves|viernes|sábado|domingo",
)

_MONTHS = """
january jan janvier januar jänner enero ene gennaio janeiro januari января январь янв يناير
  كانون_الثاني ocak styczeń stycznia
february feb février fevrier févr februar feber febrero febbraio fevereiro februari февраля
  февраль фев فبراير شباط şubat luty lutego
march mar mars märz mär marz marzo março maart марта март مارس آذار mart marzec marca
april apr avril avr abril abr aprile апреля апрель апр أبريل ابريل نيسان nisan kwiecień kwietnia
may mai mayo maggio maio mei май мая مايو أيار ايار mayıs maj maja
june jun juin juni junio giugno junho июня июнь июн يونيو حزيران haziran czerwiec czerwca
july jul juillet juil juli julio luglio julho июля июль июл يوليو تموز temmuz lipiec lipca
august aug août aout agosto ago augustus августа август авг أغسطس اغسطس آب ağustos sierpień
  sierpnia
september sep sept septembre septiembre setiembre settembre setembro сентября сентябрь сен
  سبتمبر أيلول ايلول eylül wrzesień września
october oct octobre oktober okt octubre ottobre outubro октября октябрь окт أكتوبر اكتوبر
  تشرين_الأول ekim październik października
november nov novembre noviembre novembro ноября ноябрь ноя نوفمبر تشرين_الثاني kasım listopad
  listopada
december dec décembre decembre déc dezember dez diciembre dic dicembre dezembro декабря декабрь
  дек ديسمبر كانون_الأول aralık grudzień grudnia
"""  # noqa: RUF001 - the dotless i of Turkish
MONTHS = tuple(_MONTHS.strip().replace("\n  ", " ").split("\n"))
"""Names of the months, one line each; a name of two words is joined by ``_``."""

PUBLISHED = (
    r"(?:first\s+)?(?:published|posted|created|date)",
    r"publi[ée]e?|mis\s+en\s+ligne",
    r"ver[öo]ffentlich(?:t|ung)|erstellt|datum",
    r"publicado|fecha|pubblicato|geplaatst",
    r"опубликовано|дата",
    r"نشرت?|تاريخ\s+النشر|نشر\s+في",
)

MODIFIED = (
    r"(?:last\s+)?(?:updated?|modified|edited|revised)\b",
    r"mis(?:e)?\s+à\s+jour|modifié",
    r"aktualisiert|zuletzt\s+(?:geändert|bearbeitet)|stand\s*:",
    r"actualizado|aggiornato|обновлено",
    r"(?:آخر\s+)?تحديث",
)
