"""What a person enters to search for photos of classes, and the plan that it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from peakid.acquire.sources.photo_source import Licences
from peakid.errors import BadInput
from peakid.jobs.collecting.plans import Estimate, Plan
from peakid.jobs.collecting.wanted import CLASS
from peakid.store.collecting import collections, searches
from peakid.store.collecting.searches import NewSearch, Search
from peakid.store.workspace import Workspace

MAX_SEARCHES = 2000
_TERMS_AFTER = " = "
_BETWEEN_TERMS = ";"


@dataclass(frozen=True)
class ClassTerms:
    """A class with the words to search for; without any it is searched for by the template."""

    name: str
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """Attributes:
    name: Of the collection.
    sources: Names of services.
    n_wanted: Photos of each class, from all its searches together.
    template: What is searched for; `{class}` stands for the name of the class.
    options: More that a source knows, by source.
    every_days, retrain_after: As in `Plan`.
    """

    name: str
    classes: tuple[ClassTerms, ...]
    sources: tuple[str, ...]
    n_wanted: int = 200
    template: str = CLASS
    licences: Licences = "open"
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    every_days: float | None = None
    retrain_after: int | None = None


def classes_of(text: str) -> tuple[ClassTerms, ...]:
    """Read classes, one a line: `Mönch`, or with words to search for: `Mönch = Mönch mountain; Mönch Berg`.

    A class that is listed twice gets the words of both lines.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, _, words = line.partition(_TERMS_AFTER)
        name = " ".join(name.split())
        if name:
            terms = (" ".join(each.split()) for each in words.split(_BETWEEN_TERMS))
            found[name] = tuple(dict.fromkeys([*found.get(name, ()), *filter(None, terms)]))
    return tuple(ClassTerms(name, terms) for name, terms in found.items())


def text_of(classes: Sequence[ClassTerms]) -> str:
    """Write classes as `classes_of` reads them."""
    return "\n".join(
        f"{each.name}{_TERMS_AFTER}{f'{_BETWEEN_TERMS} '.join(each.terms)}" if each.terms else each.name
        for each in classes
    )


def plan_of(draft: Draft) -> Plan:
    """Return the searches of a draft: every class at every source; they share the wanted number.

    Raises:
        BadInput: If classes or sources are missing, the template names no class, or there are too many.
    """
    if not draft.classes:
        raise BadInput("No class was given.", "Write one name of a class a line.")
    if not draft.sources:
        raise BadInput("No source was chosen.", "Choose at least one.")
    if CLASS not in draft.template and not all(each.terms for each in draft.classes):
        raise BadInput(
            f"{draft.template[:40]!r} searches for the same photos of every class.",
            f"Write {CLASS} where the name of the class belongs.",
        )
    wanted = tuple(each for terms in draft.classes for each in _of_class(draft, terms))
    if len(wanted) > MAX_SEARCHES:
        raise BadInput(
            f"{len(wanted):,} searches are too many for one collection.",
            f"Give fewer classes or sources: at most {MAX_SEARCHES:,} searches.",
        )
    return Plan(draft.name, wanted, every_days=draft.every_days, retrain_after=draft.retrain_after)


def shared_out(plan: Plan, estimates: Sequence[Estimate]) -> Plan:
    """Return a plan in which a search that has fewer photos than its share leaves the rest to the others.

    The sum of a class stays, unless its sources have fewer photos together.

    Args:
        estimates: Of the searches of the plan, in their order.
    """
    numbers = [each.n_wanted for each in plan.searches]
    for label in dict.fromkeys(each.label for each in plan.searches):
        of_class = [n for n, each in enumerate(plan.searches) if each.label == label]
        most = {n: _most(estimates[n]) for n in of_class}
        if any(most.values()):
            shares = _filled([most[n] for n in of_class], sum(numbers[n] for n in of_class))
            for n, share in zip(of_class, shares, strict=True):
                numbers[n] = max(1, share)
    return replace(
        plan,
        searches=tuple(replace(each, n_wanted=n) for each, n in zip(plan.searches, numbers, strict=True)),
    )


def of_collection(workspace: Workspace, name: str) -> Draft:
    """Return the draft that means the searches of a collection, to change them.

    Raises:
        NotFound: If there is no such collection.
    """
    collection = collections.show(workspace, name)
    stored = searches.of_collection(workspace, collection.collection_id)
    terms: dict[str, list[str]] = {}
    n_wanted: dict[str, int] = {}
    for each in stored:
        terms.setdefault(each.label, []).append(each.text)
        n_wanted[each.label] = n_wanted.get(each.label, 0) + each.n_wanted
    unique = {label: tuple(dict.fromkeys(found)) for label, found in terms.items()}
    template = _template(unique)
    return Draft(
        collection.name,
        tuple(
            ClassTerms(label, () if found == (template.replace(CLASS, label),) else found)
            for label, found in unique.items()
        ),
        tuple(dict.fromkeys(each.source for each in stored)),
        n_wanted=max(n_wanted.values(), default=200),
        template=template,
        licences="any" if any(each.licences == "any" for each in stored) else "open",
        options=_options(stored),
        every_days=collection.every_days,
        retrain_after=collection.retrain_after,
    )


def _of_class(draft: Draft, each: ClassTerms) -> list[NewSearch]:
    terms = each.terms or (draft.template.replace(CLASS, each.name),)
    pairs = [(source, term) for source in draft.sources for term in terms]
    share, rest = divmod(draft.n_wanted, len(pairs))
    return [
        NewSearch(
            source,
            each.name,
            term,
            draft.licences,
            max(share + (n < rest), 1 if draft.n_wanted > 0 else 0),
            draft.options.get(source, {}),
        )
        for n, (source, term) in enumerate(pairs)
    ]


def _most(estimate: Estimate) -> int | None:
    """Return how many photos a search can give; None = unknown, and enough as far as is known."""
    return 0 if estimate.problem else estimate.n_available


def _filled(most: Sequence[int | None], n_wanted: int) -> list[int]:
    """Share a number out evenly, none above its most."""
    shares, left = [0] * len(most), n_wanted
    open_ = list(range(len(most)))
    while left and open_:
        part, rest = divmod(left, len(open_))
        for place, n in enumerate(list(open_)):
            limit = most[n]
            added = part + (place < rest)
            if limit is not None and shares[n] + added >= limit:
                added = max(0, limit - shares[n])
                open_.remove(n)
            shares[n] += added
            left -= added
    return shares


def _template(terms: Mapping[str, tuple[str, ...]]) -> str:
    """Return the template that gives the single term of most classes."""
    found = [texts[0].replace(label, CLASS, 1) for label, texts in terms.items() if len(texts) == 1]
    named = [each for each in found if CLASS in each]
    return max(named, key=named.count, default=CLASS)


def _options(stored: Sequence[Search]) -> dict[str, dict[str, str]]:
    return {each.source: dict(each.options) for each in stored if each.options}
