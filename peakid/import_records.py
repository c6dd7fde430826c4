"""Records of what an import reads from names and tables: the same for its preview and for its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from peakid.remedies import Action

LabelSource = Literal[
    "folders",            # The names of folders.
    "table",              # A table of labels.
    "folders and table",  # A table, and the names of folders for files that it does not list.
    "none",               # Nothing has a label.
]  # fmt: skip

RejectionReason = Literal[
    "not_an_image",       # Not an image format that Pillow knows.
    "unsupported_format", # An image format that Peakid does not read.
    "unreadable",         # Starts like an image but cannot be decoded to the end.
    "too_many_pixels",    # Over the pixel limit; decoding it could exhaust the memory.
    "too_large",          # Over the byte limit.
    "empty",              # Zero bytes.
    "hidden",             # A dot-file or a file of the operating system (Thumbs.db).
    "missing_file",       # A table names it, but it does not exist.
    "no_permission",      # It exists but cannot be opened.
    "forgotten",          # Permanently removed earlier; its bytes are not imported again.
    "too_slow",           # Decoding it alone took longer than the limit.
    "too_much_memory",    # Decoding it alone took more memory than the limit.
    "crashes_decoder",    # The decoding process crashed on it every time.
    "unsafe_path",        # Points outside the root: absolute, `..`, a link, a name that is not UTF-8.
    "bad_row",            # A row of a table that cannot be used.
    "bad_table",          # A label file in a folder or archive that cannot be read; the images are imported.
    "unsafe_url",         # No http or https URL, or one that leads to an address that is not public.
    "unreachable",        # Its server did not answer, or answered with a passing error, at every attempt.
    "gone",               # Its server says that it does not exist.
    "refused_by_server",  # Its server does not give it to everybody.
    "opted_out",          # Its server says that it must not be used to train models.
    "placeholder",        # A picture that its server sends in place of one that is gone.
    "near_duplicate",     # Its thumbnail looks like an image of the same class that the workspace has.
]  # fmt: skip

NoteKind = Literal[
    "inner_splits",       # Split folders inside a folder that stands beside others.
    "split_inside_class", # Split folders inside each class folder.
    "split_word",         # A folder was read as a split because of the folder beside it.
    "container",          # A folder such as `data` or `DCIM`, which is not a class.
    "unlabelled_folder",  # A folder such as `_unlabeled`.
    "ordinals",           # `01_cat` is the class `cat`.
    "similar_classes",    # Classes that differ only in case, blanks or punctuation.
    "file_names",         # Names of files whose encoding was guessed.
    "links",              # Links that were not followed.
    "nothing_labelled",   # No folder gives a class.
]  # fmt: skip


@dataclass(frozen=True)
class ImportNote:
    """One thing to know about what an import read.

    Attributes:
        is_doubtful: It may be read wrongly; a person should look at it.
        message: One or two sentences, with the names.
        remedy: What to do if it is wrong, in words that are true on a page and in a terminal; may be ''.
    """

    kind: NoteKind
    message: str
    remedy: str = ""
    actions: tuple[Action, ...] = ()
    is_doubtful: bool = False


@dataclass(frozen=True)
class ImportReading:
    """What an import reads: classes, splits, and what it skips. All counts are of files.

    Before the import, files whose suffix is never that of an image are counted in `skipped`; whether the
    others can be decoded is not known yet. After the import, all counts are final.

    Attributes:
        n_files: Files that are, or were, taken in.
        classes: Their classes, in the order of names.
        n_unlabelled: Those without a class.
        splits: Those with a split, by split, in the order train, valid, test.
        n_without_split: Those without one.
        skipped: Files that are not taken in, by the reason of their rejection, most frequent first. A hidden
            folder counts once.
        hidden: The names of the hidden ones, such as `@eaDir`, with their number, most frequent first.
        doubtful: What may be read wrongly.
        notes: What else to know about the reading.
    """

    n_files: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    n_unlabelled: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    n_without_split: int = 0
    label_source: LabelSource = "none"
    skipped: Mapping[str, int] = field(default_factory=dict)
    hidden: Mapping[str, int] = field(default_factory=dict)
    doubtful: tuple[ImportNote, ...] = ()
    notes: tuple[ImportNote, ...] = ()


NO_READING = ImportReading()
