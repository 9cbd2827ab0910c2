"""Links that make people and WhatsApp suspicious, as one regular expression of PostgreSQL (compared without case).

| what | such as | why |
|---|---|---|
| shorteners | `bit.ly/x` | hide where they lead; WhatsApp shows no preview and people take it for fraud |
| raw addresses | `http://203.0.113.7/`, `http://3405803783/` | no shop has one |
| punycode | `xn--pypal-4ve.com` | how look-alike letters are written |
| two scripts in one part of a host | `https://pаypal.com` with a Cyrillic а | look-alike letters as they are |
| a name before the host | `https://bank.com@evil.net` | leads to what stands behind the @ |
"""

SHORTENERS = (
    *("bit.ly", "bitly.com", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "v.gd", "buff.ly", "cutt.ly"),
    *("rebrand.ly", "rb.gy", "shorturl.at", "tiny.cc", "t.ly", "s.id", "adf.ly", "bc.vc", "shorte.st", "lnkd.in"),
    *("soo.gd", "clck.ru", "shrtco.de", "qr.ae", "urlz.fr", "tny.im", "x.co", "po.st", "snip.ly", "bl.ink", "t2m.io"),
    *("gg.gg", "n9.cl", "u.to", "zpr.io", "surl.li", "da.gd", "ouo.io", "bitly.ws", "shorturl.asia"),
)
_BEGINS = r"(?:^|[^\w.@/=&-])(?:https?://)?(?:www\.)?"
_HOST = r"https?://[^\s/?#]*"
_OTHER_LETTERS = "\u0370-\u03ff\u0400-\u052f\u0530-\u058f\u13a0-\u13ff"  # Greek, Cyrillic, Armenian, Cherokee
# What one of the others has in any case, cheap to look for: most texts have none of it.
ODD = r"://([0-9\[]|[^\s/?#]*(@|[^ -~]))|xn--"
SUSPICIOUS = "|".join(
    [
        _BEGINS + "(?:" + "|".join(name.replace(".", r"\.") for name in SHORTENERS) + r")(?=[/?#:\s]|$)",
        r"https?://\d{1,3}(?:\.\d{1,3}){3}(?![\w.-])",
        r"https?://(?:\d{8,10}|0x[0-9a-f]{6,8})(?![\w.-])",
        r"https?://\[[0-9a-f:.]+\]",
        r"(?:^|[^\w-])xn--[a-z0-9-]+",
        rf"{_HOST}[a-z][^\s/?#.]*[{_OTHER_LETTERS}]",
        rf"{_HOST}[{_OTHER_LETTERS}][^\s/?#.]*[a-z]",
        r"https?://[^\s/?#]+@",
    ]
)
