"""A local site of picture pages: endless, with a button, lazy, behind a login, refused, and leading away."""

from collections.abc import Callable

from tests.acquire.fetching.served import Answer, Asked

HTML = {"Content-Type": "text/html; charset=utf-8"}
ROBOTS = "User-agent: *\nDisallow: /private\n"
N_PER_STEP = 5

ENDLESS = """<!doctype html><title>Endless</title><main></main><script>
let n = 0;
function add() {
  for (let i = 0; i < 5 && n < LIMIT; i++, n++) {
    const figure = document.createElement("figure");
    figure.style.height = "500px";
    figure.innerHTML = `<img src="/photo/CLASS-${n}.jpg" alt="a CLASS, number ${n}">`;
    document.querySelector("main").append(figure);
  }
}
add();
addEventListener("scroll", () => {
  if (scrollY + innerHeight > document.body.scrollHeight - 200) setTimeout(add, 30);
});
</script>"""
MORE = """<!doctype html><main></main><button class="more">More</button><script>
let n = 0;
function add() {
  for (let i = 0; i < 3; i++, n++) {
    const link = document.createElement("a");
    link.href = `/full/${n}.jpg`;
    link.title = `full ${n}`;
    document.querySelector("main").append(link);
  }
  if (n >= 9) document.querySelector(".more").remove();
}
document.querySelector(".more").onclick = add;
add();
</script>"""
LAZY = """<!doctype html><main>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="lazy/1.jpg" alt="lazy">
<picture><source srcset="/set/s.jpg 200w, /set/l,1.jpg 1200w"><img src="/set/m.jpg" alt="set"></picture>
<img srcset="/x/1.jpg 1x, /x/2.jpg 2x" src="/x/1.jpg" title="double">
<img src="blob:https://example.org/1"><img src="javascript:1">
</main>"""
NEXT = '<!doctype html><main><img src="/N.jpg"></main><a class="more" target="_blank" href="TO">next</a>'
LOGIN = "<!doctype html><form><input name=u><input type=password name=p></form><img src=/a.jpg>"
CAPTCHA = '<!doctype html><div class="h-captcha" style="height:80px;width:300px"></div><img src=/a.jpg>'
NOAI = '<!doctype html><meta name="robots" content="index, noai"><img src=/a.jpg>'


def endless(class_name: str, limit: int) -> bytes:
    return ENDLESS.replace("CLASS", class_name).replace("LIMIT", str(limit)).encode()


def answers(elsewhere: str) -> Callable[[Asked, int], Answer]:
    """Return what answers; `elsewhere` is an address that must not be reached."""
    pages: dict[str, Answer] = {
        "/robots.txt": Answer(ROBOTS.encode(), headers={"Content-Type": "text/plain"}),
        "/more": Answer(MORE.encode(), headers=HTML),
        "/next/1": Answer(NEXT.replace("N", "1").replace("TO", "/next/2").encode(), headers=HTML),
        "/next/2": Answer(NEXT.replace("N", "2").replace("TO", "/private/photos").encode(), headers=HTML),
        "/lazy": Answer(LAZY.encode(), headers=HTML),
        "/login": Answer(LOGIN.encode(), headers=HTML),
        "/captcha": Answer(CAPTCHA.encode(), headers=HTML),
        "/noai": Answer(NOAI.encode(), headers=HTML),
        "/noai-header": Answer(b"<img src=/a.jpg>", headers={**HTML, "X-Robots-Tag": "noimageai"}),
        "/401": Answer(b"<img src=/a.jpg>", status=401, headers=HTML),
        "/429": Answer(b"", status=429, headers=HTML),
        "/to-private": Answer(status=302, headers={"Location": "/private/photos"}),
        "/to-elsewhere": Answer(status=302, headers={"Location": f"{elsewhere}/secret"}),
        "/script-elsewhere": Answer(
            f"<main><img src=/a.jpg></main><script>fetch('{elsewhere}/secret');"
            f"new Image().src='{elsewhere}/pixel';"
            f"open('{elsewhere}/popup');setTimeout(() => location='{elsewhere}/gone', 400)"
            "</script>".encode(),
            headers=HTML,
        ),
        "/download": Answer(
            b"x" * 1000, headers={"Content-Disposition": "attachment; filename=x.bin", "Content-Type": "a/b"}
        ),
    }

    def answer(asked: Asked, _n_before: int) -> Answer:
        if asked.path.startswith("/search/"):
            name = asked.path.removeprefix("/search/")
            return Answer(endless(name, 12), headers=HTML)
        return pages.get(asked.path, Answer(status=404))

    return answer
