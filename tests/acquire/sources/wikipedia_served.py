"""A local server that answers as the interface of MediaWiki documents: pages, other titles, errors."""

import json
from urllib.parse import parse_qs, urlsplit

from tests.acquire.fetching.served import Answer, Asked

MOUNTAINS = """
<div class="mw-content-ltr mw-parser-output" lang="en" dir="ltr">
<style data-mw-deduplicate="x">.mw-parser-output .a{color:red}</style>
<table class="box-Update plainlinks metadata ambox"><tbody>
<tr><td>This list needs an update.</td></tr></tbody></table>
<table class="wikitable sortable">
<caption>Mountains above 4,000 m<sup class="reference"><a href="#cite_note-1">[1]</a></sup></caption>
<tbody><tr>
<th rowspan="2">Rank</th><th rowspan="2">Mountain<sup class="reference"><a href="#n">[a]</a></sup></th>
<th colspan="2">Height</th><th rowspan="2">Canton</th></tr>
<tr><th>m</th><th>ft</th></tr>
<tr><th colspan="5">Pennine Alps</th></tr>
<tr><td>1</td><td><span class="flagicon"><a href="/wiki/File:F.svg"><img src="f.svg"></a></span>
 <a href="/wiki/Dufourspitze" title="Dufourspitze">Dufourspitze</a><sup class="reference">[2]</sup></td>
<td><span style="display:none">7003463400</span>4,634&nbsp;m</td><td>15,203</td>
<td rowspan="2"><a href="/wiki/Valais">Valais</a></td></tr>
<tr><td>2</td><td><a href="/wiki/Dom_(mountain)" title="Dom (mountain)">Dom</a>*</td><td>4\u202f545 m</td>
<td>14,911</td></tr>
<tr><td>3</td><td><a href="/wiki/M%C3%B6nch">M\u00f6nch</a></td><td>4,110 m</td><td>13,484</td>
<td><a href="/wiki/Canton_of_Bern">Bern</a><br />Valais</td></tr>
<tr><td>4</td><td><a href="/wiki/Rothorn_(Zermatt)">Rothorn</a></td>
<td>3,103 m</td><td>10,180</td><td>Valais</td></tr>
<tr><td>5</td><td><a href="/wiki/Rothorn_(Arosa)">Rothorn</a></td>
<td>2,980 m</td><td>9,777</td><td>Graub\u00fcnden</td></tr>
<tr><td>6</td><td><a href="/w/index.php?title=Unn&amp;action=edit&amp;redlink=1" class="new">Unn</a></td>
<td>\u2014</td>
<td></td><td>Valais</td></tr>
<tr><td>7</td><td></td><td>3,000 m</td><td>9,843</td><td>Valais</td></tr>
</tbody></table>
<table class="wikitable"><tbody><tr><th>Lake</th><th>Area</th></tr>
<tr><td>Davos</td><td>0.59 km<sup>2</sup></td></tr></tbody></table>
<table class="navbox"><tbody><tr><th>Mountain</th></tr><tr><td>of navigation</td></tr></tbody></table>
</div>"""

BERGE = """<table class="wikitable"><tr><th>Berg</th><th>H\u00f6he</th></tr>
<tr><td>Dom</td><td>4.545,5 m</td></tr><tr><td>S\u00e4ntis</td><td>2.501,9 m</td></tr>
<tr><td>Napf</td><td>1.406</td></tr></table>"""

PAGES = {
    ("en", "List of mountains of Switzerland"): MOUNTAINS,
    ("de", "Liste"): BERGE,
    ("en", "Text"): "<p>No.</p>",
}
REDIRECTS = {"Mountains of Switzerland": "List of mountains of Switzerland"}
TO_ARTICLE = {
    "Dufourspitze": [{"title": "Monte Rosa summit"}, {"title": "Dufour Peak"}],
    "Dom (mountain)": [{"title": "Dom (Mischabel)"}, {"title": "Mischabel", "fragment": "Dom"}],
}
LANGLINKS = {
    ("Dufourspitze", "fr"): "Pointe Dufour",
    ("Mönch", "de"): "Mönch (Berg)",
    ("Mönch", "fr"): "Moine",
}


def answer(asked: Asked, _n_before: int) -> Answer:
    """Answer a request below `/wikipedia/LANGUAGE/w/api.php`."""
    parts = urlsplit(asked.path)
    wanted = {name: values[0] for name, values in parse_qs(parts.query).items()}
    language = parts.path.split("/")[2]
    if not parts.path.endswith("/w/api.php") or (wanted["format"], wanted["formatversion"]) != ("json", "2"):
        return Answer(status=404)
    given = _parsed(wanted, language) if wanted["action"] == "parse" else _queried(wanted)
    return Answer(json.dumps(given).encode(), headers={"Content-Type": "application/json; charset=utf-8"})


def _parsed(wanted: dict[str, str], language: str) -> dict[str, object]:
    title = REDIRECTS.get(wanted["page"], wanted["page"])
    if title == "Rothorn":
        links = [
            {"ns": 0, "title": "Rothorn (Arosa)", "exists": True},
            {"ns": 0, "title": "Rothorn (Zermatt)"},
        ]
        properties = {"disambiguation": ""}
        return {"parse": {"title": title, "text": "<ul></ul>", "properties": properties, "links": links}}
    if title == "Busy":
        return {"error": {"code": "ratelimited", "info": "You've exceeded your rate limit."}}
    if (language, title) not in PAGES:
        return {"error": {"code": "missingtitle", "info": "The page you specified doesn't exist."}}
    return {
        "parse": {"title": title, "pageid": 1, "text": PAGES[language, title], "properties": {}, "links": []}
    }


def _queried(wanted: dict[str, str]) -> dict[str, object]:
    if "list" in wanted:
        return {"query": {"search": [{"ns": 0, "title": "List of mountains of Switzerland", "pageid": 1}]}}
    titles = wanted["titles"].split("|")
    if wanted["prop"] == "langlinks":
        found = {each: LANGLINKS.get((each, wanted["lllang"])) for each in titles}
        links = {each: [{"lang": wanted["lllang"], "title": name}] for each, name in found.items() if name}
        return {"query": {"pages": [{"title": each, "langlinks": links.get(each, [])} for each in titles]}}
    # One redirect an answer, so that the client must continue.
    flat = [(each, link) for each in titles for link in TO_ARTICLE.get(each, [])]
    at = int(wanted.get("rdcontinue", 0))
    pages = [
        {"title": each, "redirects": [link for t, link in flat[at : at + 1] if t == each]} for each in titles
    ]
    more = {"continue": {"rdcontinue": str(at + 1), "continue": "||"}} if at + 1 < len(flat) else {}
    return {**more, "query": {"pages": pages}}
