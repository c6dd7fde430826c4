"""Sets of decisions that can be left out together: a bulk action, all of a person, a queue, or a time."""

from dataclasses import dataclass
from typing import Literal

from peakid.clean_text import whole_number
from peakid.curate import history, step_text
from peakid.errors import BadInput
from peakid.remedies import action
from peakid.store.workspace import Workspace

OfferKind = Literal[
    "step",    # One action on several images.
    "person",  # Everything that a person, or a model for one, decided.
    "queue",   # Everything that was decided in a queue.
]  # fmt: skip
MOST_OFFERED = 20  # Of each kind.


@dataclass(frozen=True)
class DecisionSet:
    """Which decisions are meant; exactly one of the four is given.

    Attributes:
        steps: Their ids in the log.
        person: A name, or an actor with a colon such as `model:head`.
        queue: The queue in which they were made.
        after: ISO 8601 in UTC as in the log, or the beginning of it (a date). Imports are not meant.
    """

    steps: tuple[int, ...] = ()
    person: str = ""
    queue: str = ""
    after: str = ""

    def title(self) -> str:
        """Return what is left out, for a sentence: `step 12`, `the decisions of anna`."""
        if self.steps:
            ids = ", ".join(str(each) for each in self.steps)
            return f"step {ids}" if len(self.steps) == 1 else f"steps {ids}"
        if self.person:
            return f"the decisions of {self.person}"
        return f"the decisions {f'in the queue {self.queue}' if self.queue else f'since {self.after}'}"


@dataclass(frozen=True)
class Offer:
    """A set of decisions that can be left out.

    Attributes:
        value: The step, the person or the queue, as `DecisionSet` takes it.
        title: What it was, in words; names as they are stored.
        n_images: Images that it judged.
        made_at: Of its newest step.
    """

    kind: OfferKind
    value: str
    title: str
    n_images: int
    made_at: str

    def chosen(self) -> DecisionSet:
        """Return it as the set to leave out."""
        if self.kind == "step":
            return DecisionSet(steps=(int(self.value),))
        return DecisionSet(person=self.value) if self.kind == "person" else DecisionSet(queue=self.value)


def steps_of(workspace: Workspace, chosen: DecisionSet) -> list[int]:
    """Return the ids of the steps of a set, ascending.

    Raises:
        BadInput: If none or several of its attributes are given, or it has no decision about an image.
    """
    given = [each for each in (chosen.steps, chosen.person, chosen.queue, chosen.after) if each]
    if len(given) != 1:
        raise BadInput(
            "Choose one set of decisions to leave out: steps, a person, a queue or a time.",
            "Give exactly one of them.",
        )
    found = _found(workspace, chosen)
    if not found:
        raise BadInput(
            f"There is nothing to leave out: {chosen.title()} judged no image.",
            "Look at the history, and choose others.",
            action("show_log"),
        )
    return found


def offered(workspace: Workspace) -> list[Offer]:
    """Return the sets that are worth leaving out: people, queues and actions on several images."""
    return [*_people(workspace), *_queues(workspace), *_steps(workspace)]


def _found(workspace: Workspace, chosen: DecisionSet) -> list[int]:
    actor = chosen.person if ":" in chosen.person else f"human:{chosen.person}"
    if chosen.steps:
        wanted = [each for each in chosen.steps if whole_number(str(each)) is not None]
        rows = [row for each in wanted for row in workspace.query(f"{_JUDGED} s.id = ?", (each,))]
        if len(rows) < len(set(chosen.steps)):
            known = {row["id"] for row in rows}
            missing = ", ".join(str(each) for each in chosen.steps if each not in known)
            raise BadInput(
                f"No image was judged in step {missing}.", "Look at the history.", action("show_log")
            )
    elif chosen.person:
        own = "EXISTS (SELECT 1 FROM decision d WHERE d.step_id = s.id AND d.actor = :actor)"
        by = f"(s.actor = :actor OR {own})"
        rows = workspace.query(f"{_JUDGED} s.kind <> 'import' AND {by}", {"actor": actor})
    elif chosen.queue:
        in_queue = "EXISTS (SELECT 1 FROM decision d WHERE d.step_id = s.id AND d.basis ->> '$.queue' = ?)"
        rows = workspace.query(f"{_JUDGED} s.kind <> 'import' AND {in_queue}", (chosen.queue,))
    else:
        rows = workspace.query(f"{_JUDGED} s.kind <> 'import' AND s.made_at >= ?", (chosen.after,))
    return sorted({row["id"] for row in rows})


_JUDGED = (
    "SELECT s.id FROM step s WHERE (EXISTS (SELECT 1 FROM decision j WHERE j.step_id = s.id)"
    " OR EXISTS (SELECT 1 FROM remark r WHERE r.step_id = s.id AND r.kind = 'also')) AND"
)
_DECIDED = "step s JOIN decision d ON d.step_id = s.id WHERE s.kind = 'decide'"


def _people(workspace: Workspace) -> list[Offer]:
    rows = workspace.query(
        "SELECT s.actor, COUNT(DISTINCT d.image_id) AS n, MAX(s.made_at) AS made_at"
        f" FROM {_DECIDED} GROUP BY s.actor ORDER BY n DESC LIMIT ?",
        (MOST_OFFERED,),
    )
    return [_of_person(row["actor"], row["n"], row["made_at"]) for row in rows]


def _of_person(actor: str, n_images: int, made_at: str) -> Offer:
    name = actor.removeprefix("human:")
    value = actor if ":" in name or name == actor else name
    return Offer("person", value, f"all decisions of {name}", n_images, made_at)


def _queues(workspace: Workspace) -> list[Offer]:
    rows = workspace.query(
        "SELECT d.basis ->> '$.queue' AS queue, COUNT(DISTINCT d.image_id) AS n, MAX(s.made_at) AS made_at"
        f" FROM {_DECIDED} AND d.basis ->> '$.queue' > '' GROUP BY queue ORDER BY n DESC LIMIT ?",
        (MOST_OFFERED,),
    )
    return [
        Offer("queue", row["queue"], f"decided in the queue {row['queue']}", row["n"], row["made_at"])
        for row in rows
    ]


def _steps(workspace: Workspace) -> list[Offer]:
    rows = workspace.query(
        "SELECT s.id, s.made_at, COUNT(DISTINCT d.image_id) AS n"
        f" FROM {_DECIDED} GROUP BY s.id HAVING n > 1 ORDER BY s.id DESC LIMIT ?",
        (MOST_OFFERED,),
    )
    return [
        Offer(
            "step",
            str(row["id"]),
            step_text.describe(history.step(workspace, row["id"])),
            row["n"],
            row["made_at"],
        )
        for row in rows
    ]
