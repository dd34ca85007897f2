"""Look for marks of what is no article: challenges, captchas, log-in forms, quick redirects.

Structure only, no wording: what a page is made of is the same in every language.
"""

import re

SCAN_CHARACTERS = 1_048_576
"""How far into a page the marks are looked for; challenges hide deep in the body too."""

CHALLENGE = "challenge"
CAPTCHA = "captcha"
PASSWORD = "password-field"  # noqa: S105 - the name of a mark, no secret
REFRESH = "meta-refresh"

_CHALLENGE_PARTS = (
    "/cdn-cgi/challenge-platform/",
    "window._cf_chl_opt",
    "challenges.cloudflare.com/",
    ".awswaf.com/",
    "gokuprops",
    "captcha-delivery.com/",
    "/_incapsula_resource",
    "/_sec/cp_challenge/",
    "px-captcha",
    "/.well-known/ddos-guard/",
    "sucuri_cloudproxy_js",
    "/.within.website/x/cmd/anubis/",
)
"""Paths and names that the challenges of content networks and gateways are made of."""

_CAPTCHA_PARTS = ("g-recaptcha", "h-captcha", "cf-turnstile", "frc-captcha", "smart-captcha")
_PASSWORD_FIELD = re.compile(r"""<input\b[^>]{0,500}?\btype\s*=\s*["']?password\b""")
_REFRESH = re.compile(r"""<meta\b[^>]{0,200}?\bhttp-equiv\s*=\s*["']?refresh\b""")


def signs(text: str) -> tuple[str, ...]:
    """Return the marks found in a page, in a fixed order.

    A mark alone says little (ordinary pages carry comment captchas and log-in boxes): the change
    rules weigh it against what has become of the article.
    """
    head = text[:SCAN_CHARACTERS].lower()
    found = {
        CHALLENGE: any(part in head for part in _CHALLENGE_PARTS),
        CAPTCHA: any(part in head for part in _CAPTCHA_PARTS),
        PASSWORD: "password" in head and _PASSWORD_FIELD.search(head) is not None,
        REFRESH: "refresh" in head and _REFRESH.search(head) is not None,
    }
    return tuple(name for name, there in found.items() if there)
