"""Know the words by which a page says what it is, in many languages; used after structure only.

Stems, matched at the beginning of words, in folded lower-case text. A list says little alone: each
rule weighs its hits against what has become of the article, and shows them.
"""
# ruff: noqa: RUF001 - the words are those of many scripts

import re
from functools import cache

from crawler.text.fold import fold

MOST_CHARACTERS = 6_000
"""How much of a page's text is searched: what a page says of itself stands at its beginning."""

_MAINTENANCE = r"""
maintenance | scheduled maint | under construction | temporarily (?:un|down|off|out)
back (?:soon|shortly|online)
be right back | try again (?:later|soon|in) | upgrading | upgrade in progress
technical (?:work|difficult|problem|issue)
briefly (?:un|off) | service unavailable | planned (?:outage|work)
short(?:ly)? (?:break|be back)
en maintenance | momentanément | temporairement | travaux techniques
de retour (?:très )?(?:bientôt|dans) | réessayer (?:plus tard|dans) | mise à jour en cours
intervention technique
mantenimiento | temporalmente | volveremos | vuelva a intentarlo
inténtelo (?:de nuevo|más tarde) | trabajos técnicos | estamos (?:mejorando|actualizando)
wartung | vorübergehend | in kürze wieder | gleich wieder | später (?:noch einmal|erneut|wieder)
technische (?:arbeiten|störung|probleme) | bald zurück
техническ\w* (?:работ|обслуж|перерыв|неполад) | профилактическ | временно (?:не|закрыт|отключ)
скоро (?:снова|верн|будем) | попробуйте (?:позже|ещё раз позже)
обновлени\w* (?:сайта|сервера|системы) | ведутся работы
صيانة | الصيانة | للصيانة | مؤقتا | سنعود | نعود قريب | حاول (?:مرة أخرى )?لاحق
يرجى المحاولة لاحق | أعمال (?:تقنية|تطوير) | تحديثات
manutenção | temporariamente | voltaremos | voltamos (?:já|em breve)
tente (?:novamente )?mais tarde
bakım | geçici olarak | yakında (?:geri|tekrar) | daha sonra tekrar
manutenzione | temporaneamente | torneremo | riprova(?:re)? più tardi
onderhoud | tijdelijk | zo terug | probeer het later
konserwacj | przerwa techniczna | tymczasowo | wrócimy | techniczn\w+ prac
メンテナンス | しばらく | 维护 | 維護 | 稍后再试 | 稍後再試 | 점검
تعمیر و نگهداری | موقتا
רקע תחזוקה | תחזוקה
"""
_SUSPENDED = r"""
(?:account|site|website|hosting|service)\w* (?:has been |is |was )?(?:suspend|disabl|deactivat)
suspended
(?:contact|ask) (?:your|the) (?:hosting|host|provider|web ?host) | billing department
unpaid (?:invoice|bill) | bandwidth limit exceeded
suspendu | désactivé | (?:votre|contacte\w*) (?:\w+ )?hébergeur | résilié
suspendid | deshabilitad | dad\w+ de baja | proveedor de (?:alojamiento|hosting|servicios)
gesperrt | deaktiviert | stillgelegt | hosting-?(?:anbieter|provider|konto) | webhoster
заблокирован | приостановлен | отключ[её]н | хостинг-?\s?провайдер
вашему (?:хостинг|провайдер) | аккаунт\w* (?:заблок|приост|отключ)
موقوف | إيقاف | تعليق | معلق | مزود الاستضافة | شركة الاستضافة | معطل
suspens[oa] | desativad | bloquead\w+ (?:pelo|por) | provedor de hospedagem
askıya | durdurul | barındırma | hosting firmanız
sospes[oa] | disattivat | zawieszon | opgeschort | geblokkeerd
停用 | 暂停 | 已被封 | 停止されて
"""
_PARKED = r"""
for sale | buy (?:this|the) domain
domain (?:name )?(?:is |may be |might be |parking|has expired|for) | parked (?:free|domain|page)
make an offer | related (?:searches|links) | sponsored listings | this domain | expired domain
domain broker
à vendre | nom de domaine | faites une offre | recherches (?:associées|liées|connexes)
liens sponsorisés | domaine (?:est |a )?expir
en venta | a la venta | este dominio | nombre de dominio | búsquedas relacionadas
haga una oferta | dominio (?:ha )?(?:caducado|expirado)
zu(?:m)? verk(?:auf|aufen) | steht zum verkauf | diese domain | ähnliche such
domain (?:ist )?(?:geparkt|abgelaufen|kaufen) | verwandte (?:such|themen)
прода[её]тся | продаж\w+ домен | домен\w* | похожие запросы | купить (?:этот )?домен
предложить цену
للبيع | معروض للبيع | هذا النطاق | اسم النطاق | عمليات بحث (?:ذات|مرتبطة) | شراء (?:هذا )?النطاق
الدومين
à venda | este domínio | pesquisas relacionadas | fa[çz]\w* uma oferta
satılık | bu alan adı | alan adı | ilgili aramalar | teklif ver
in vendita | questo dominio | ricerche correlate | te koop | deze domeinnaam | na sprzedaż
ta domena
出售 | 域名 | ドメイン
"""
_SUBSCRIPTION = r"""
subscri | paywall | members? only | become a member | membership | already (?:a |have )
sign (?:in|up) | log ?in | register | free trial | unlock | premium (?:article|content)
continue reading | keep reading | read (?:the full|the rest|on with)
abonn | réservé | se connecter | connectez | identifiez | inscrivez | lire la suite
poursuivre (?:la|votre) lecture | offre (?:d'essai|numérique)
suscri | suscript | inici\w* sesión | regístr | seguir leyendo | continuar leyendo
exclusiv\w+ para
abo\b | abonnent | abonnement | weiterlesen | anmelden | einloggen | registrieren
plus-?(?:artikel|mitglied) | jetzt testen | freischalten
подпис | абонемент | войдите | зарегистр | читать (?:далее|дальше|полностью) | оформите
доступен только | полн\w+ верси
اشترك | مشترك | الاشتراك | اشتراك | سجل (?:الدخول|الآن) | تسجيل الدخول | لمتابعة القراءة
لإكمال القراءة | قراءة المزيد
assin(?:e|ante|atura) | faça login | cadastre | continue lendo | conteúdo exclusivo
abone | üye (?:ol|giri) | giriş yap | okumaya devam | devamını oku
abbona | accedi | registrati | continua a leggere | abonneer | inloggen | verder lezen
prenumer | zaloguj | czytaj dalej
会员 | 订阅 | 登录 | 購読 | 会員 | 続きを読む
"""
_LEGAL = r"""
legal (?:reason|request|demand|order|restrict) | court (?:order|ruling|decision) | injunction
copyright (?:claim|complaint|infring) | dmca | right to be forgotten
in (?:your|this) (?:country|region|jurisdiction)
décision (?:de justice|judiciaire) | motifs? (?:juridique|léga) | raisons (?:légales|juridiques)
ordonnance
orden judicial | motivos legales | razones legales | requerimiento judicial
resolución judicial
gericht(?:s|lich) | rechtliche\w* gründ | einstweilige | verfügung
решени\w+ суда | по требованию (?:роскомнадзор|прокурат|суд) | законодательств
заблокирован\w* по решению
أمر قضائي | قرار (?:قضائي|المحكمة) | أسباب قانونية | لأسباب قانونية
ordem judicial | decisão judicial | motivos legais | mahkeme kararı | yasal nedenler
ordine del tribunale | motivi legali
法律原因 | 依法
"""
_LISTS = {
    "maintenance": _MAINTENANCE,
    "suspended": _SUSPENDED,
    "parked": _PARKED,
    "subscription": _SUBSCRIPTION,
    "legal": _LEGAL,
}


def hits(name: str, text: str) -> list[str]:
    """Return the different words of a list that stand in a text, at most five."""
    found = _pattern(name).finditer(fold(text[:MOST_CHARACTERS]).casefold())
    return list(dict.fromkeys(match[0] for match in found))[:5]


@cache
def _pattern(name: str) -> re.Pattern[str]:
    stems = [stem for line in _LISTS[name].split("\n") for stem in line.split(" | ") if stem]
    # Scripts without spaces have no word starts; Arabic writes "the", "and", "for" before stems.
    start = r"(?:(?<!\w)|(?<=[\u0600-\u06ff\u3040-\u9fff]))"
    return re.compile(f"{start}(?:{'|'.join(stems).casefold()})")
