"""Names that Markdown, Streamlit, Plotly or HTML would obey; each contains `zq`, to be found on a page."""

# One or more for each syntax. Class names: unique, on one line, and without what `clean_class_name` removes.
NAMES = (
    *("http://zq.zq/a", "HTTPS://zq.zq", "www.zq.zq", "WWW.zq.zq/x?y=1", "<http://zq.zq>"),
    *("a@zq.zq", "a+b.c@zq-zq.zq", "mailto:a@zq.zq", "xmpp:a@zq.zq/b", "javascript:alert('zq')"),
    *("zq :material/home:", "zq :material_home:", ":smile: zq", "zq :+1:", "zq:smile:zq", ":streamlit: zq"),
    *("zq -- zq", "-- zq", "-> zq", "-> zq <- zq <-> zq >= zq <= zq ~= zq", "<-> zq", "zq... (c) 1/2"),
    *("&lt;zq&gt; &amp;amp; &#36; &copy;", "<b>zq</b>", "<a href='http://zq.zq'>zq</a>"),
    *("<img src=zq onerror=alert(1)>", "zq<sub>2</sub><sup>3</sup>", "zq<br>zq", "<!-- zq -->", "</span>zq"),
    *("**zq** _zq_ ~~zq~~ ==zq== __zq__", "$zq^2$ $$zq$$ \\(zq\\)", "`zq` ```zq```", "zq\\ zq \\n \\\\"),
    *("[zq](http://zq.zq)", "![zq](http://zq.zq/i.png)", "[^1] [ ] [x] zq", ":zq[a]{b=c}", "::zq:: :::zq"),
    ":violet[zq] :red-badge[zq] :help[zq] :small[zq] :color[zq]{foreground=red}",
    *(
        "# zq",
        "1. zq",
        "2) zq",
        "- zq",
        "+ zq",
        "> zq",
        "- [ ] zq",
        "| zq | zq |",
        "=== zq",
        "--- zq",
        "*** zq",
    ),
    *(
        "%{x} %{customdata} 50 % %d zq",
        "{zq} {{zq}} {0}",
        "\"zq\" 'zq'",
        "zq \u05d0\u05d1 12",
        "\u0639\u0631\u0628 zq",
    ),
)
# Names of files: also what nobody can see.
PATHS = (*NAMES, "zq\u202egpj.exe", "zq  zq", "\u2067zq\u2069")
# Seen as nothing: they keep a word to itself, and blanks from becoming one.
_UNSEEN = str.maketrans({"\u2068": None, "\u2069": None, "\u00a0": " "})


def seen(text: str) -> str:
    """Return a text of a page as a person sees it."""
    return text.translate(_UNSEEN)
