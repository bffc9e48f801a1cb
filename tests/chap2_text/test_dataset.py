"""The laws of the sliding-window dataset and its loader."""

from itertools import islice
from operator import getitem

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import Dataset

from kata.laws import draw, pictures, verbs
from kata.laws.checks import LawBroken, broken, describe, equal, holds, raises, refuses, tensor
from kata.laws.draw import Sizes

# `extra` tokens follow the first window and its target.
SIZES = draw.sizes(max_length=(1, 6), stride=(1, 8), extra=(0, 20))
EXACTLY_ONE = Sizes(max_length=4, stride=2, extra=0)
LAST_TARGET_JUST_FITS = Sizes(max_length=3, stride=2, extra=4)
LAST_TARGET_JUST_MISSES = Sizes(max_length=3, stride=2, extra=3)
WINDOWS_OF_ONE = Sizes(max_length=1, stride=1, extra=3)
GAPS = Sizes(max_length=2, stride=5, extra=13)

LOADER_SIZES = draw.sizes(distinct=False, max_length=(1, 5), stride=(1, 6), windows=(1, 9), batch_size=(1, 4))
TWO_AND_A_HALF_BATCHES = Sizes(max_length=3, stride=2, windows=5, batch_size=2)
TWO_BATCHES = Sizes(max_length=2, stride=3, windows=6, batch_size=3)

# With a space before it, each is one token of GPT-2.
ONE_TOKEN_WORDS = """
river stone green seven small house light water bread north quiet morning garden window paper silver horse summer winter
street island bridge forest mountain letter number orange yellow purple circle square corner music dance story friend
teacher doctor farmer soldier captain king queen castle ship boat train wheel engine iron gold copper glass wood cloud
rain snow wind fire smoke night day week month year hour
"""
WORDS = ONE_TOKEN_WORDS.split()


class Numbers:
    """A tokenizer for texts such as "31 4 15": every number is a token, and its own id."""

    def encode(self, text):
        return [int(number) for number in text.split()]


class Characters:
    """A tokenizer with encode(text) and nothing else: every character is a token. It notes what else it is given."""

    def __init__(self):
        self.given_besides = []

    def encode(self, text, *more, **named):
        if more or named:
            self.given_besides.append(", ".join([*map(repr, more), *named]))
            raise TypeError(f"encode takes the text and nothing else, but was also given {self.given_besides[-1]}")
        return [ord(character) for character in text]


def tokens_of(size, seed):
    """The ids of a text long enough for `size`: all different, so that each says where in the text it stands."""
    ids = 10 + torch.randperm(80, generator=draw.generator(seed))
    return ids[: size.max_length + 1 + size.extra].tolist()


def attempt(submission, ids, max_length, stride):
    """The dataset of a text that has these ids, if it is not refused."""
    text = " ".join(map(str, ids))
    return verbs.construct(submission.GPTDatasetV1, text, Numbers(), max_length, stride)


def build(submission, ids, max_length, stride):
    """The dataset of a text that has these ids, which nobody should refuse."""
    try:
        return attempt(submission, ids, max_length, stride)
    except ValueError as error:
        given = f"a text of {len(ids)} tokens, max_length {max_length} and stride {stride}"
        broken(f"There is at least one window for {given}, but it is refused: {error}")


def starts_of(ids, max_length, stride):
    """Where windows start: at every multiple of stride that leaves room for the window and one token more."""
    return [start for start in range(len(ids)) if start % stride == 0 and start + max_length < len(ids)]


def words(count, seed):
    """A text of `count` words in random order, each one token of GPT-2; all different if there are enough words."""
    order = torch.cat(
        [torch.randperm(len(WORDS), generator=draw.generator(seed + lap)) for lap in range(count // len(WORDS) + 1)]
    )
    return "".join(" " + WORDS[index] for index in order[:count].tolist())


def words_for(size, seed):
    """A text that has exactly `windows` windows, and a few tokens more where the stride leaves room for them."""
    return words((size.windows - 1) * size.stride + size.max_length + 1 + seed % size.stride, seed)


def pairs_in(ids, max_length, stride):
    """All pairs (input ids, target ids) as lists, in order."""
    return [
        (ids[start : start + max_length], ids[start + 1 : start + 1 + max_length])
        for start in starts_of(ids, max_length, stride)
    ]


def two(value, what, of):
    """The two parts of a pair; breaks the law where it is none."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        count = f", with {len(value)} parts" if isinstance(value, tuple | list) else ""
        broken(f"{what} should be a pair: {of}. It is {describe(value)}{count}.")
    return value


def window(dataset, index, count):
    """Input and target of one window; `count` is how many there should be."""
    try:
        value = verbs.call(getitem, dataset, index)
    except IndexError:
        broken(f"Window {index} of 0 ... {count - 1} is missing: dataset[{index}] raises an IndexError.")
    inputs, targets = two(value, f"dataset[{index}]", "input ids and target ids")
    for part, what in ((inputs, "input"), (targets, "target")):
        holds(isinstance(part, Tensor), f"The {what} of window {index} should be a tensor, but is {describe(part)}.")
    return inputs, targets


def holds_tokens(actual, ids, start, max_length, what):
    """Checks that a tensor holds `max_length` tokens of the text from `start` on; says which it holds instead."""
    got = tensor(actual, {"token": max_length}, what=what).tolist()
    want = ids[start : start + max_length]
    if got != want:
        places = [ids.index(token) if token in ids else None for token in got]
        in_a_row = None not in places and places == list(range(places[0], places[0] + max_length))
        instead = f": that is {_span(places[0], max_length)}" if in_a_row else ""
        should = f"{what[:1].upper()}{what[1:]} should be {_span(start, max_length)} of the text"
        picture = pictures.over_stream(ids, ("it should be", start, want), ("you returned", places[0] or 0, got))
        broken(f"{should}, {want}, but is {got}{instead}.", picture)


def _span(start, length):
    return f"token {start}" if length == 1 else f"tokens {start} ... {start + length - 1}"


def batches(loader, limit=100):
    """The batches of one pass through a loader, each a pair of lists of windows."""
    found = []
    for index, batch in enumerate(islice(loader, limit)):
        inputs, targets = two(batch, f"Batch {index}", "input ids and target ids, each (batch, max_length)")
        for part, what in ((inputs, "inputs"), (targets, "targets")):
            holds(
                isinstance(part, Tensor) and part.dim() == 2 and part.dtype == torch.int64,
                f"The {what} of batch {index} should be an int64 tensor (batch, max_length), but are {describe(part)}"
                f"{f' in {part.dtype}' if isinstance(part, Tensor) else ''}.",
            )
        holds(
            inputs.shape == targets.shape,
            f"Batch {index} has inputs of shape {tuple(inputs.shape)}, but targets of shape {tuple(targets.shape)}.",
        )
        found.append((inputs.tolist(), targets.tolist()))
    return found


def rows(found):
    """The pairs of windows in all batches, one after the other."""
    return [pair for inputs, targets in found for pair in zip(inputs, targets, strict=True)]


def inputs_of(pairs):
    """Only the inputs of pairs."""
    return [inputs for inputs, _ in pairs]


@given(size=SIZES, seed=draw.seeds)
@example(size=EXACTLY_ONE, seed=0)
def test_an_item_is_a_pair_of_max_length_ids(submission, size, seed):
    """An item is a pair: max_length input ids and as many target ids, both int64."""
    ids = tokens_of(size, seed)
    dataset = build(submission, ids, size.max_length, size.stride)
    holds(isinstance(dataset, Dataset), "GPTDatasetV1 should be a torch.utils.data.Dataset: derive it from that class.")
    count = len(starts_of(ids, size.max_length, size.stride))
    for index in range(count):
        inputs, targets = window(dataset, index, count)
        tensor(inputs, {"max_length": size.max_length}, torch.int64, f"the input of window {index}")
        tensor(targets, {"max_length": size.max_length}, torch.int64, f"the target of window {index}")


@given(size=SIZES, seed=draw.seeds)
@example(size=EXACTLY_ONE, seed=0)
@example(size=WINDOWS_OF_ONE, seed=0)
@example(size=GAPS, seed=0)
def test_window_k_starts_at_token_k_times_stride(submission, size, seed):
    """Window k holds the tokens of the text from token k * stride on."""
    ids = tokens_of(size, seed)
    dataset = build(submission, ids, size.max_length, size.stride)
    starts = starts_of(ids, size.max_length, size.stride)
    for index, start in enumerate(starts):
        inputs, _ = window(dataset, index, len(starts))
        holds_tokens(inputs, ids, start, size.max_length, f"the input of window {index} (stride {size.stride})")


@given(size=SIZES, seed=draw.seeds)
@example(size=EXACTLY_ONE, seed=0)
@example(size=WINDOWS_OF_ONE, seed=0)
@example(size=GAPS, seed=0)
def test_the_target_is_what_comes_next(submission, size, seed):
    """The target is the input moved one token to the left: at each place, the token that comes next in the text."""
    ids = tokens_of(size, seed)
    dataset = build(submission, ids, size.max_length, size.stride)
    count = len(starts_of(ids, size.max_length, size.stride))
    for index in range(count):
        inputs, targets = window(dataset, index, count)
        # Wherever the input stands: that it stands at the right place is a law of its own.
        first = tensor(inputs, {"token": size.max_length}, what=f"the input of window {index}")[0].item()
        holds(first in ids, f"Window {index} starts with {first}, which is no id of the text.")
        what = f"the target of window {index}, whose input is {inputs.tolist()},"
        holds_tokens(targets, ids, ids.index(first) + 1, size.max_length, what)


@given(size=SIZES, seed=draw.seeds)
@example(size=EXACTLY_ONE, seed=0)
@example(size=LAST_TARGET_JUST_FITS, seed=0)
@example(size=LAST_TARGET_JUST_MISSES, seed=0)
@example(size=WINDOWS_OF_ONE, seed=0)
@example(size=GAPS, seed=0)
def test_every_window_whose_target_fits_is_there_and_no_other(submission, size, seed):
    """Every window whose target fits into the text is there, and no other."""
    ids = tokens_of(size, seed)
    starts = starts_of(ids, size.max_length, size.stride)
    found = len(build(submission, ids, size.max_length, size.stride))
    last = starts[-1]
    many = f"{len(starts)} windows" if len(starts) > 1 else "1 window"
    holds(
        found == len(starts),
        f"A text of {len(ids)} tokens has {many} for max_length {size.max_length} and stride {size.stride}, but "
        f"len(dataset) is {found}. The last window starts at token {last}: its target ends at token "
        f"{last + size.max_length}, and the text at token {len(ids) - 1}. A window that started at token "
        f"{last + size.stride} would need token {last + size.stride + size.max_length} for its target.",
    )


@given(max_length=st.integers(1, 6), stride=st.integers(1, 8), seed=draw.seeds)
def test_a_text_of_max_length_and_one_tokens_is_one_window(submission, max_length, stride, seed):
    """A text of max_length + 1 tokens is exactly one window and its target."""
    ids = tokens_of(Sizes(max_length=max_length, extra=0), seed)
    dataset = build(submission, ids, max_length, stride)
    equal(len(dataset), 1, f"the number of windows for {len(ids)} tokens and max_length {max_length}")
    inputs, targets = window(dataset, 0, 1)
    holds_tokens(inputs, ids, 0, max_length, "the input of the only window")
    holds_tokens(targets, ids, 1, max_length, "the target of the only window")


@given(max_length=st.integers(1, 6), count=st.integers(1, 5), seed=draw.seeds)
def test_windows_side_by_side_use_every_token_once(submission, max_length, count, seed):
    """With a stride of max_length the windows lie side by side: no token is skipped, and none comes twice."""
    ids = tokens_of(Sizes(max_length=max_length, extra=max_length * (count - 1)), seed)
    dataset = build(submission, ids, max_length, max_length)
    pairs = [window(dataset, index, count) for index in range(count)]
    inputs = [token for inputs, _ in pairs for token in inputs.flatten().tolist()]
    targets = [token for _, targets in pairs for token in targets.flatten().tolist()]
    equal(inputs, ids[:-1], "what the inputs of all windows, joined, hold (the text without its last token)")
    equal(targets, ids[1:], "what the targets of all windows, joined, hold (the text without its first token)")


@given(size=SIZES, seed=draw.seeds, past=st.integers(0, 5))
@example(size=EXACTLY_ONE, seed=0, past=0)
@example(size=LAST_TARGET_JUST_MISSES, seed=0, past=0)
def test_an_index_past_the_end_raises_index_error(submission, size, seed, past):
    """An index past the end raises IndexError, so that a `for` loop over the dataset ends."""
    ids = tokens_of(size, seed)
    dataset = build(submission, ids, size.max_length, size.stride)
    count = len(starts_of(ids, size.max_length, size.stride))
    what = f"asking for dataset[{count + past}], where the windows are 0 ... {count - 1},"
    raises(IndexError, lambda: verbs.call(getitem, dataset, count + past), what)
    visited = sum(1 for _ in islice(dataset, count + 3))
    more = " or more" if visited == count + 3 else ""
    holds(visited == count, f"There should be windows 0 ... {count - 1}, but a `for` loop found {visited}{more}.")


@given(size=SIZES, seed=draw.seeds)
@example(size=WINDOWS_OF_ONE, seed=0)
def test_windows_can_be_asked_for_in_any_order(submission, size, seed):
    """A window is the same whenever it is asked for: in any order, again and again."""
    ids = tokens_of(size, seed)
    dataset = build(submission, ids, size.max_length, size.stride)
    expected = pairs_in(ids, size.max_length, size.stride)
    order = torch.randint(len(expected), (2 * len(expected),), generator=draw.generator(seed)).tolist()
    for index in order:
        inputs, targets = window(dataset, index, len(expected))
        what = f"window {index}, when the windows are asked for in the order {order},"
        equal((inputs.tolist(), targets.tolist()), expected[index], what)


@given(first=SIZES, second=SIZES, seed=draw.seeds)
def test_two_datasets_have_nothing_in_common(submission, first, second, seed):
    """A dataset keeps its windows when another is made: training and validation text stay apart."""
    made = []
    for size, ids in ((first, tokens_of(first, seed)), (second, tokens_of(second, seed + 1))):
        made.append((build(submission, ids, size.max_length, size.stride), pairs_in(ids, size.max_length, size.stride)))
    for name, (dataset, expected) in zip(("first", "second"), made, strict=True):
        what = f"of the {name} of two datasets, made one after the other,"
        equal(len(dataset), len(expected), f"the length {what}")
        for index, pair in enumerate(expected):
            inputs, targets = window(dataset, index, len(expected))
            equal((inputs.tolist(), targets.tolist()), pair, f"window {index} {what}")


@given(text=draw.texts(), max_length=st.integers(1, 4), stride=st.integers(1, 5))
@example(text="Two words", max_length=3, stride=2)
def test_any_tokenizer_with_encode_will_do(submission, text, max_length, stride):
    """Any object with encode(text) serves as the tokenizer, and it is given the text as it is."""
    text = " A" + text + "ends here.\n"
    tokenizer, kind = Characters(), submission.GPTDatasetV1
    try:
        dataset = verbs.construct(kind, stride=stride, max_length=max_length, tokenizer=tokenizer, text=text)
    except TypeError:
        for more in tokenizer.given_besides:
            broken(f"The tokenizer promises encode(text) and no more, but its encode was also given {more}.")
        raise
    except AttributeError as error:
        if error.obj is tokenizer:
            broken(f"The tokenizer promises encode(text) and no more, but your code also asks it for `{error.name}`.")
        raise
    expected = pairs_in([ord(character) for character in text], max_length, stride)
    equal(len(dataset), len(expected), f"the number of windows in {text!r}, with one token a character,")
    for index, pair in enumerate(expected):
        inputs, targets = window(dataset, index, len(expected))
        what = f"window {index} of {text!r}, with one token a character,"
        equal((inputs.tolist(), targets.tolist()), pair, what)


@given(seed=draw.seeds, bits=st.integers(15, 50))
@example(seed=0, bits=16)
@example(seed=0, bits=32)
def test_ids_come_out_exactly_however_large(submission, seed, bits):
    """An id comes out exactly as the tokenizer gave it, however large it is."""
    ids = [2**bits + small for small in tokens_of(Sizes(max_length=3, extra=4), seed)]
    dataset = build(submission, ids, 3, 2)
    expected = pairs_in(ids, 3, 2)
    for index, pair in enumerate(expected):
        inputs, targets = window(dataset, index, len(expected))
        got = [[int(token) for token in part.flatten().tolist()] for part in (inputs, targets)]
        equal(tuple(got), pair, f"window {index} (inputs, targets)")


@given(size=SIZES, seed=draw.seeds, max_length=st.integers(-3, 0))
def test_a_max_length_below_one_is_refused(submission, size, seed, max_length):
    """A max_length below 1 is refused, by a ValueError that names it."""
    given = f"max_length {max_length}"
    refuses(lambda: attempt(submission, tokens_of(size, seed), max_length, size.stride), given, naming=[max_length])


@given(size=SIZES, seed=draw.seeds, stride=st.integers(-3, 0))
def test_a_stride_below_one_is_refused(submission, size, seed, stride):
    """A stride below 1 is refused, by a ValueError that names it."""
    given = f"stride {stride}"
    refuses(lambda: attempt(submission, tokens_of(size, seed), size.max_length, stride), given, naming=[stride])


@given(tokens=st.integers(0, 6), missing=st.integers(1, 4), stride=st.integers(1, 5), seed=draw.seeds)
@example(tokens=0, missing=1, stride=1, seed=0)
@example(tokens=5, missing=1, stride=1, seed=0)
def test_a_text_too_short_for_one_window_is_refused(submission, tokens, missing, stride, seed):
    """A text of fewer than max_length + 1 tokens is refused, by a ValueError that names its tokens and the need."""
    max_length = tokens + missing - 1 or 1
    ids = tokens_of(Sizes(max_length=max_length, extra=0), seed)[:tokens]
    given = f"a text of {tokens} tokens for max_length {max_length}"
    try:
        refuses(lambda: attempt(submission, ids, max_length, stride), given, naming=[tokens, max_length])
    except LawBroken:
        pass  # "needs 5 tokens" says as much as "max_length is 4"
    else:
        return
    refuses(lambda: attempt(submission, ids, max_length, stride), given, naming=[tokens, max_length + 1])


@given(text=draw.texts(), max_length=st.integers(1, 4), stride=st.integers(1, 5))
@example(text=" don't\n\n  naïve", max_length=2, stride=2)
def test_the_loader_cuts_gpt2s_tokens(submission, gpt2, text, max_length, stride):
    """The loader's windows are cut from the ids that GPT-2's tokenizer gives the text."""
    text = "A text of" + text.replace("<|endoftext|>", "") + " a few tokens"
    expected = pairs_in(gpt2.encode_ordinary(text), max_length, stride)
    loader = verbs.construct(
        submission.create_dataloader_v1, text, 1, max_length, stride, shuffle=False, drop_last=False
    )
    found = rows(batches(loader))
    equal(len(found), len(expected), f"the number of windows in {text!r}")
    for index, (got, pair) in enumerate(zip(found, expected, strict=True)):
        equal(got, pair, f"window {index} (inputs, targets) of {text!r}")


@given(size=LOADER_SIZES, seed=draw.seeds)
@example(size=TWO_AND_A_HALF_BATCHES, seed=0)
@example(size=TWO_BATCHES, seed=0)
def test_unshuffled_batches_follow_the_text(submission, gpt2, size, seed):
    """Without shuffling the windows come in the order of the text, batch_size of them in a batch, in every epoch."""
    text = words_for(size, seed)
    expected = pairs_in(gpt2.encode_ordinary(text), size.max_length, size.stride)
    loader = verbs.construct(
        submission.create_dataloader_v1, text, size.batch_size, size.max_length, size.stride, False, False, seed=seed
    )
    for epoch in ("first", "second"):
        found = batches(loader)
        full, rest = divmod(size.windows, size.batch_size)
        sizes = [size.batch_size] * full + [rest] * (rest > 0)
        equal(
            [len(inputs) for inputs, _ in found],
            sizes,
            f"in the {epoch} epoch, the numbers of windows in the batches ({size.windows} windows, batch_size "
            f"{size.batch_size}, drop_last=False)",
        )
        for index, (pair, want) in enumerate(zip(rows(found), expected, strict=True)):
            equal(pair, want, f"in the {epoch} epoch, not shuffled, pair {index} (inputs, targets)")


@given(size=LOADER_SIZES.filter(lambda size: size.windows >= size.batch_size), seed=draw.seeds, shuffle=st.booleans())
@example(size=TWO_AND_A_HALF_BATCHES, seed=0, shuffle=False)
@example(size=TWO_BATCHES, seed=0, shuffle=True)
def test_drop_last_leaves_out_only_an_incomplete_batch(submission, gpt2, size, seed, shuffle):
    """With drop_last every batch holds batch_size windows; only those of an incomplete last batch are left out."""
    text = words_for(size, seed)
    expected = pairs_in(gpt2.encode_ordinary(text), size.max_length, size.stride)
    loader = verbs.construct(
        submission.create_dataloader_v1,
        text,
        size.batch_size,
        size.max_length,
        size.stride,
        shuffle=shuffle,
        drop_last=True,
        seed=seed,
    )
    found = batches(loader)
    equal(
        [len(inputs) for inputs, _ in found],
        [size.batch_size] * (size.windows // size.batch_size),
        f"the numbers of windows in the batches ({size.windows} windows, batch_size {size.batch_size}, drop_last=True)",
    )
    pairs = rows(found)
    for index, pair in enumerate(pairs):
        if not shuffle:
            equal(pair, expected[index], f"with drop_last, not shuffled, pair {index} (inputs, targets)")
        holds(pair in expected, f"With drop_last, {pair} is in a batch, but is no window and target of the text.")
        holds(pair not in pairs[:index], f"With drop_last, {pair} comes twice in one epoch.")


@given(size=LOADER_SIZES, seed=draw.seeds)
@example(size=TWO_AND_A_HALF_BATCHES, seed=0)
def test_shuffling_keeps_every_window_with_its_target(submission, gpt2, size, seed):
    """Shuffling moves windows, never loses or repeats one, and each stays with its target."""
    text = words_for(size, seed)
    expected = pairs_in(gpt2.encode_ordinary(text), size.max_length, size.stride)
    loader = verbs.construct(
        submission.create_dataloader_v1,
        text,
        size.batch_size,
        size.max_length,
        size.stride,
        shuffle=True,
        drop_last=False,
        seed=seed,
    )
    found = rows(batches(loader))
    target_of = {tuple(inputs): targets for inputs, targets in expected}
    equal(sorted(inputs_of(found)), sorted(inputs_of(expected)), "the inputs of one epoch, shuffled (and here sorted),")
    for inputs, targets in found:
        equal(targets, target_of[tuple(inputs)], f"after shuffling, the target of the input {inputs}")


@given(seed=st.integers(0, 1000), windows=st.integers(10, 20))
def test_shuffling_follows_torchs_seed(submission, seed, windows):
    """Shuffling follows torch's seed: the same seed, the same order; another seed, another order."""
    text = words(windows + 2, seed)

    def order(torch_seed):
        loader = verbs.construct(
            submission.create_dataloader_v1, text, 2, 2, 1, shuffle=True, drop_last=False, seed=torch_seed
        )
        return inputs_of(rows(batches(loader)))

    first = order(seed)
    again = f"With torch's seed set to {seed} again, the windows came shuffled in another order than the first time."
    holds(order(seed) == first, f"{again} Leave shuffling to the DataLoader, or to torch's own random numbers.")
    holds(
        # By chance, one in 10! ** 3 at most.
        any(order(seed + other) != first for other in (1, 2, 3)),
        f"{windows} windows came in the same order for four different seeds of torch, with shuffle=True.",
    )


def test_a_bare_call_uses_the_defaults(submission, gpt2):
    """Unless told otherwise: batches of 4, windows of 256 tokens, a stride of 128, shuffled, the last batch dropped."""
    # Ten windows: two batches of 4, and 2 windows that are dropped.
    text = words(9 * 128 + 257 + 5, seed=0)
    windows = inputs_of(pairs_in(gpt2.encode_ordinary(text), 256, 128))
    orders = []
    for seed in range(3):
        loader = verbs.construct(submission.create_dataloader_v1, text, seed=seed)
        found = batches(loader)
        length, batch_size = len(found[0][0][0]) if found else None, len(found[0][0]) if found else None
        equal(length, 256, "without a max_length given, the length of a window")
        equal(batch_size, 4, "without a batch_size given, the number of windows in a batch")
        inputs = inputs_of(rows(found))
        missing = [window for window in inputs if window not in windows]
        holds(not missing, "Without a stride given, windows should start at tokens 0, 128, 256, ...: yours do not.")
        what = (
            "without a stride and drop_last given, the numbers of windows in the batches (10 windows, 128 tokens apart)"
        )
        equal([len(batch) for batch, _ in found], [4, 4], what)
        orders.append(inputs)
    holds(
        orders != [windows[:8]] * 3,
        "Without `shuffle` given, the windows should come shuffled, but they came in the order of the text.",
    )
    equal(loader.num_workers, 0, "without num_workers given, loader.num_workers")


@given(num_workers=st.integers(0, 2))
def test_num_workers_reaches_the_loader(submission, num_workers):
    """The loader has as many workers as were asked for."""
    # Workers start when somebody goes through the loader; nobody does.
    loader = verbs.construct(
        submission.create_dataloader_v1, words(6, seed=0), 2, 2, 2, shuffle=False, num_workers=num_workers
    )
    found = getattr(loader, "num_workers", None)
    if found is None:
        broken(f"create_dataloader_v1 should return a torch DataLoader, but returned {describe(loader)}.")
    equal(found, num_workers, f"loader.num_workers, with num_workers={num_workers},")


@given(tokens=st.integers(1, 10), missing=st.integers(1, 3), seed=draw.seeds)
def test_the_loader_refuses_what_the_dataset_refuses(submission, tokens, missing, seed):
    """The loader refuses a text that is too short, too, instead of being empty without a word."""
    max_length = tokens + missing - 1
    text = words(tokens, seed)
    given = f"a text of {tokens} token{'s' * (tokens != 1)} for a loader with max_length {max_length}"
    refuses(lambda: verbs.construct(submission.create_dataloader_v1, text, 1, max_length, 1), given, naming=[tokens])


def probe(submission):
    """Calls that tell the misconceptions apart."""
    ids = [7, 3, 9, 4, 70000, 1, 8, 2, 6, 5]
    text = words(16, seed=0)

    def dataset(max_length=3, stride=2, tokens=10):
        return attempt(submission, ids[:tokens], max_length, stride)

    def windows(*settings):
        return lambda: [list(pair) for pair in islice(dataset(*settings), 15)]

    def some(*indices):
        def values():
            built = dataset()
            return [list(built[index]) for index in indices]

        return values

    def numbers_named():
        try:
            attempt(submission, ids * 2, 43, 1)
        except ValueError as error:
            return ["20" in str(error), "43" in str(error) or "44" in str(error)]

    def beside_another():
        first = dataset()
        return [len(first), len(dataset()), len(first)]

    def loader(*settings, seed=0, **named):
        return verbs.construct(submission.create_dataloader_v1, text, *settings, seed=seed, **named)

    def order(built):
        return [start for inputs, _ in built for start in inputs[:, 0].tolist()]

    def unshuffled(*settings, drop_last=False):
        return lambda: [list(batch) for batch in loader(*settings, shuffle=False, drop_last=drop_last)]

    def shuffled(seed=0):
        return order(loader(2, 3, 1, shuffle=True, drop_last=False, seed=seed))

    def partners():
        built = loader(2, 3, 1, shuffle=True, drop_last=False)
        return all(torch.equal(inputs[:, 1:], targets[:, :-1]) for inputs, targets in built)

    def epochs():
        built = loader(4, 3, 2, shuffle=False)
        return [len(order(built)), len(order(built))]

    def by_default():
        built = submission.create_dataloader_v1(text * 44)  # 704 tokens: 4 windows
        return [list(inputs.shape) for inputs, _ in built]

    return [
        windows(3, 2),
        windows(2, 5),
        windows(3, 3),
        windows(2, 1, 8),
        windows(3, 1, 4),
        lambda: len(dataset()),
        some(2, 0),
        some(4),
        lambda: list(submission.GPTDatasetV1("  ab c\n", Characters(), 4, 1)[0]),
        lambda: len(submission.GPTDatasetV1("100 200 300", Numbers(), 2, 1)),
        lambda: submission.GPTDatasetV1("100 200 300", Numbers(), 5, 1),
        lambda: dataset(3, 1, 3),
        lambda: dataset(5, 1, 2),
        lambda: dataset(0, 2),
        lambda: dataset(-1, 2),
        lambda: dataset(3, -1),
        numbers_named,
        beside_another,
        lambda: isinstance(dataset(), Dataset),
        unshuffled(4, 3, 2),
        unshuffled(5, 2, 3),
        unshuffled(3, 3, 3, drop_last=True),
        lambda: shuffled() == order(loader(2, 3, 1, shuffle=False, drop_last=False)),
        lambda: sorted(shuffled()),
        lambda: [shuffled() == shuffled(), shuffled() == shuffled(seed=1)],
        partners,
        epochs,
        by_default,
        lambda: order(loader(3, 2, 1, drop_last=False)) == order(loader(3, 2, 1, shuffle=False, drop_last=False)),
        # Refused by the DataLoader if it gets there. A real number might start processes, which take seconds to end.
        lambda: loader(3, 2, 1, num_workers=-1),
        lambda: loader(1, 30, 1),
    ]
