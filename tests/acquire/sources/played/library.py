"""Photos that services played by a test list: each with its class, licence, author and dates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

N_SECONDS = 600_000_000  # Photos are uploaded in these seconds after FIRST, evenly.
FIRST = 1_100_000_000


@dataclass(frozen=True)
class Photo:
    """One photo. `number` is that of the picture, which is at `/photos/NUMBER.jpg`."""

    number: int
    words: str
    title: str
    author: str
    licence: str
    uploaded_at: int
    is_mature: bool = False


class Library:
    """Photos of classes: `Library({"otter": 30, "beaver": 20})`; a search finds those of a word of its text.

    Args:
        licences: Taken by turns.
    """

    def __init__(
        self,
        n_photos: Mapping[str, int],
        licences: Sequence[str] = ("CC BY 2.0", "CC0 1.0", "CC BY-NC-SA 4.0"),
    ) -> None:
        self.photos: list[Photo] = []
        for words, n in n_photos.items():
            for n_before in range(n):
                number = len(self.photos)
                self.photos.append(
                    Photo(
                        number,
                        words,
                        f"{words.capitalize()} {n_before + 1}",
                        f"A. {chr(ord('A') + number % 26)}dams",
                        licences[number % len(licences)],
                        FIRST + n_before * N_SECONDS // n,
                    )
                )

    def found(self, text: str) -> Iterator[Photo]:
        """Yield the photos of every class that a text names."""
        wanted = f" {text.casefold()} "
        return (each for each in self.photos if f" {each.words.casefold()} " in wanted)
