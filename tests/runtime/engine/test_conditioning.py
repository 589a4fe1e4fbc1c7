"""Conditions of every family from small untrained text models, against the formulas worked by hand."""

from dataclasses import dataclass, replace

import pytest
import torch

from runtime.engine.architecture import TextConfig, TextModel
from runtime.engine.conditioning import MOST_CHUNKS, Condition, Timeline, encode
from runtime.engine.prompt import prompt_chunks
from runtime.engine.tokenizer import END, token_ids
from runtime.engine.traits import Traits
from runtime.job_options import JobOptions
from runtime.request import RequestError

CPU = torch.device("cpu")


def text_model(width, seed, projection=None):
    torch.manual_seed(seed)
    config = TextConfig(
        hidden_size=width, intermediate_size=2 * width, num_hidden_layers=4, num_attention_heads=2,
        projection_dim=projection,
    )  # fmt: skip
    return TextModel(config).eval()


@pytest.fixture(scope="module")
def small():
    """Stands for CLIP-L; its states have a mean that weights can move."""
    model = text_model(16, 1)
    with torch.no_grad():
        model.final_layer_norm.bias += 0.5
    return model


@pytest.fixture(scope="module")
def large():
    """Stands for OpenCLIP-G: wider, with a projection."""
    return text_model(24, 2, projection=20)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def guide(texts, prompt, negative="", family="sd1", steps=10, book=None, size=(64, 64), hires=None, **options):
    traits = Traits(family=family)
    return encode(
        texts, traits, prompt, negative, steps, JobOptions(**options), book, CPU, size=size, hires_steps=hires
    )


def states(texts, prompt, **options):
    return guide(texts, prompt, **options).parts[0][0].at(0).states


def hidden(model, prompt, padding=None):
    """All layers' states of a prompt of one chunk."""
    ids = list(prompt_chunks(prompt)[0].ids)
    end = ids.index(END) + 1
    if padding is not None:
        ids[end:] = [padding] * (len(ids) - end)
    return model(torch.tensor([ids]))


def test_each_chunk_is_encoded_by_itself(small):
    long = states([small], "cat " * 75 + "BREAK mat")
    assert long.shape == (1, 154, 16)
    assert torch.equal(long[:, 77:], states([small], "mat"))


def test_sd1_is_the_last_layer_after_the_norm(small):
    assert torch.equal(states([small], "a cat"), hidden(small, "a cat").last_hidden_state)


@pytest.mark.parametrize("skip", [2, 3])
def test_clip_skip_is_as_if_the_last_layers_were_not_there(small, skip):
    skipped = states([small], "a cat", CLIP_stop_at_last_layers=skip)
    layers = small.encoder.layers
    small.encoder.layers = layers[: 1 - skip]
    try:
        shorter = states([small], "a cat")
    finally:
        small.encoder.layers = layers
    assert torch.allclose(skipped, shorter, atol=1e-6)
    assert not torch.allclose(skipped, states([small], "a cat"), atol=1e-3)


def test_more_layers_skipped_than_there_are_leaves_the_first(small):
    least = states([small], "a cat", CLIP_stop_at_last_layers=4)
    assert torch.equal(states([small], "a cat", CLIP_stop_at_last_layers=12), least)


def test_sd2_is_the_last_layer_but_one_normed_with_its_own_padding(small):
    made = states([small], "a cat", family="sd2")
    assert torch.allclose(made, small.final_layer_norm(hidden(small, "a cat", padding=0).hidden_states[-2]))
    assert torch.equal(made, states([small], "a cat", family="sd2", CLIP_stop_at_last_layers=2))
    assert not torch.allclose(made[:, 5:], states([small], "a cat", CLIP_stop_at_last_layers=2)[:, 5:], atol=1e-3)


def test_sdxl_joins_both_text_models_and_takes_the_first_chunks_pooled_state(small, large):
    both = guide([small, large], "a cat BREAK mat", family="sdxl", size=(832, 1216)).parts[0][0].at(0)
    first, second = hidden(small, "a cat"), hidden(large, "a cat", padding=0)
    assert both.states.shape == (1, 154, 16 + 24)
    assert torch.equal(both.states[:, :77, :16], first.hidden_states[-2])
    assert torch.equal(both.states[:, :77, 16:], second.hidden_states[-2])
    assert torch.allclose(both.pooled, large.text_projection(second.last_hidden_state[:, 3]), atol=1e-6)
    assert both.time_ids.tolist() == [[1216, 832, 0, 0, 1216, 832]]


def test_sdxl_heeds_clip_skip_only_where_an_option_says_so(small, large):
    plain = states([small, large], "a cat", family="sdxl")
    assert torch.equal(plain, states([small, large], "a cat", family="sdxl", CLIP_stop_at_last_layers=3))
    skipped = states([small, large], "a cat", family="sdxl", CLIP_stop_at_last_layers=3, sdxl_clip_l_skip=True)
    assert torch.equal(skipped[:, :, :16], hidden(small, "a cat").hidden_states[-3])
    assert torch.equal(skipped[:, :, 16:], plain[:, :, 16:])


def test_sdxl_takes_no_negative_prompt_as_nothing(small, large):
    nothing = guide([small, large], "a cat", "", family="sdxl").negative.at(0)
    assert not nothing.states.any()
    assert not nothing.pooled.any()
    something = guide([small, large], "", " ", family="sdxl")
    assert something.negative.at(0).states.any()
    assert something.parts[0][0].at(0).pooled.any()
    assert guide([small], "a cat", "").negative.at(0).states.any()


@pytest.mark.parametrize("padded", [False, True])
def test_words_that_take_turns_stay_the_same_conditions_so_that_their_keys_are_found_again(small, large, padded):
    told = {"family": "sdxl", "pad_cond_uncond": padded}
    guidance = guide([small, large], "a [cat|dog]", "a cat BREAK mat" if padded else "", **told)
    ((timeline, _),) = guidance.parts
    assert len({id(condition) for _, condition in timeline.spans}) == 2
    assert timeline.spans[0][1] is timeline.spans[2][1]
    assert len({id(condition) for _, condition in guide([small, large], "a", "[|]", **told).negative.spans}) == 1


def test_the_refiner_knows_the_large_model_alone_and_a_score(large):
    guidance = guide([large], "a cat", "bad", family="sdxl-refiner", size=(64, 72), sdxl_crop_top=3, sdxl_crop_left=4)
    wanted, unwanted = guidance.parts[0][0].at(0), guidance.negative.at(0)
    assert torch.equal(wanted.states, hidden(large, "a cat", padding=0).hidden_states[-2])
    assert (wanted.time_ids.tolist(), unwanted.time_ids.tolist()) == ([[72, 64, 3, 4, 6.0]], [[72, 64, 3, 4, 2.5]])


def test_edits_are_spans_and_come_one_call_late(small):
    timeline = guide([small], "a [cat:dog:3]").parts[0][0]
    assert [until for until, _ in timeline.spans] == [3, 10]
    assert all(torch.equal(timeline.at(call).states, states([small], "a cat")) for call in range(4))
    assert torch.equal(timeline.at(4).states, states([small], "a dog"))


def test_after_the_last_span_the_first_holds_again():
    first, second = (Condition(torch.tensor([[[number]]])) for number in (1.0, 2.0))
    timeline = Timeline(((2, first), (5, second)))
    assert [timeline.at(call) is first for call in (0, 2, 3, 5, 6)] == [True, True, False, False, True]


def test_the_hires_pass_has_its_own_steps(small):
    timeline = guide([small], "[a:b:12]", steps=10, hires=5).parts[0][0]
    assert [until for until, _ in timeline.spans] == [2, 5]


def test_the_old_rule_is_told_where_it_matters(small):
    old = guide([small], "[a:b:3.0]", use_old_scheduling=True)
    assert ([until for until, _ in old.parts[0][0].spans], old.old_rule) == ([3, 10], True)
    assert guide([small], "a", "[a:b:1.0]", use_old_scheduling=True).old_rule
    assert not guide([small], "[a:b:.3]", use_old_scheduling=True).old_rule
    assert not guide([small], "[a:b:3.0]").old_rule


def test_shorter_texts_of_an_edit_are_filled_up_with_empty_chunks(small):
    timeline = guide([small], "[a cat:a BREAK b:5]").parts[0][0]
    assert timeline.at(0).states.shape == timeline.at(9).states.shape == (1, 154, 16)
    assert torch.equal(timeline.at(0).states[:, 77:], states([small], ""))


def test_parts_have_weights_and_shorter_ones_repeat_their_last_state(small):
    guidance = guide([small], "a cat :1.5 AND a dog BREAK b AND c:-2")
    assert [weight for _, weight in guidance.parts] == [1.5, 1.0, -2.0]
    cat = guidance.parts[0][0].at(0).states
    alone = states([small], "a cat")
    assert cat.shape == (1, 154, 16)
    assert torch.equal(cat[:, :77], alone)
    assert torch.equal(cat[:, 77:], alone[:, -1:].expand(-1, 77, -1))


def test_the_negative_is_one_prompt_and_is_edited_too(small):
    negative = guide([small], "a", "b AND [c:d:4]").negative
    assert torch.equal(negative.at(0).states, states([small], "b and c"))
    assert torch.equal(negative.at(9).states, states([small], "b and d"))
    weighty = guide([small], "a", "16:9").negative.at(0).states
    assert torch.equal(weighty, states([small], "16:9 BREAK x")[:, :77])


def test_sides_of_different_length_are_only_padded_on_demand(small):
    plain = guide([small], "a BREAK b BREAK c", "bad")
    assert (plain.negative.at(0).states.shape[1], plain.padded) == (77, False)
    filled = guide([small], "a BREAK b BREAK c", "bad", pad_cond_uncond=True)
    assert filled.padded
    assert torch.equal(
        filled.negative.at(0).states, torch.cat([plain.negative.at(0).states, *[states([small], "")] * 2], 1)
    )
    other = guide([small], "a", "bad BREAK b", pad_cond_uncond=True)
    assert (other.parts[0][0].at(0).states.shape[1], other.padded) == (154, True)
    assert not guide([small], "a", "b", pad_cond_uncond=True).padded


def test_modes_of_emphasis(small):
    plain = states([small], "a cat")
    heavy = plain.clone()
    heavy[:, 2] *= 1.5
    assert torch.allclose(states([small], "a (cat:1.5)", emphasis="No norm"), heavy)
    original = heavy * (plain.mean() / heavy.mean())
    assert torch.allclose(states([small], "a (cat:1.5)"), original, rtol=1e-4)
    assert torch.equal(states([small], "a (cat:1.5)", emphasis="Ignore"), plain)
    assert torch.equal(states([small], "a (cat:1.5)", emphasis="None"), states([small], r"a \(cat:1.5\)"))
    assert states([small], "a BREAK b", emphasis="None").shape[1] == 77


def test_the_mean_is_over_all_texts_of_an_edit_as_often_as_they_hold(small):
    timeline = guide([small], "a ([cat|dog|dog]:1.5)", steps=3).parts[0][0]
    plain = [states([small], f"a {animal}") for animal in ("cat", "dog", "dog")]
    heavy = [one.clone() for one in plain]
    for one in heavy:
        one[:, 2] *= 1.5
    factor = torch.cat(plain).mean() / torch.cat(heavy).mean()
    assert 0.01 < factor < 100
    assert torch.allclose(timeline.at(0).states, heavy[0] * factor, rtol=1e-4)


def test_each_text_is_encoded_once(small):
    calls = []
    handle = small.register_forward_hook(lambda *_: calls.append(1))
    try:
        guide([small], "[a|b] BREAK c AND a BREAK c", "b", steps=20)
    finally:
        handle.remove()
    assert len(calls) == 3


def test_weights_beyond_numbers_are_refused(small):
    with pytest.raises(RequestError) as refused:
        guide([small], "(" * 100_000 + "cat")
    assert refused.value.code == "prompt-weight"


def test_more_chunks_than_memory_holds_are_refused(small):
    with pytest.raises(RequestError) as refused:
        guide([small], "[a|b|c] " + "BREAK " * (MOST_CHUNKS // 3 + 9))
    assert refused.value.code == "prompt-too-long"


@dataclass(frozen=True)
class Word:
    name: str
    length: int
    vectors: tuple[torch.Tensor, ...]
    sha12: str = "0123456789ab"


class Shelf:
    """A book of one embedding."""

    def __init__(self, name, *vectors):
        self.word = Word(name, len(token_ids(name)), vectors)

    def match(self, ids, at):
        return self.word if list(ids[at : at + self.word.length]) == token_ids(self.word.name) else None

    def remarks(self, ids):
        return ("The embedding dog is left out.",) if token_ids("dog")[0] in ids else ()


def test_an_embedding_stands_where_its_name_stood(small):
    own = small.embeddings.token_embedding.weight
    book = Shelf("mat rug", torch.stack([own[id_] for id_ in token_ids("red circle here")]))
    guidance = guide([small], "a MAT  rug, cat", "none", book=book)
    assert torch.allclose(guidance.parts[0][0].at(0).states, states([small], "a red circle here, cat"), atol=1e-6)
    assert guidance.embeddings == (("mat rug", "0123456789ab"),)
    assert guide([small], "a cat", book=book).embeddings == ()


def test_an_embedding_that_cannot_be_used_is_told_once(small):
    book = Shelf("mat", torch.zeros(1, 16))
    assert guide([small], "a dog AND [a dog|a rug]", "dog", book=book).comments == ("The embedding dog is left out.",)
    assert guide([small], "a cat", book=book).comments == ()


def test_an_embedding_longer_than_a_chunk_is_refused(small):
    with pytest.raises(RequestError) as refused:
        guide([small], "a mat", book=Shelf("mat", torch.zeros(76, 16)))
    assert refused.value.code == "embedding-too-long"
    assert "mat" in refused.value.message


def test_an_embedding_has_vectors_for_both_models_of_sdxl(small, large):
    tables = small.embeddings.token_embedding.weight, large.embeddings.token_embedding.weight
    book = Shelf("mat", *(table[token_ids("cat")] for table in tables))
    placed = guide([small, large], "a mat", family="sdxl", book=book).parts[0][0].at(0)
    plain = guide([small, large], "a cat", family="sdxl").parts[0][0].at(0)
    assert torch.allclose(placed.states, plain.states, atol=1e-6)
    assert torch.allclose(placed.pooled, plain.pooled, atol=1e-6)


def test_an_embedding_weighs_on_all_its_vectors_and_leaves_no_trace(small):
    before = states([small], "a mat")
    book = Shelf("mat", torch.randn(3, 16, generator=torch.Generator().manual_seed(3)))
    plain = states([small], "a mat", book=book, emphasis="No norm")
    heavy = states([small], "a (mat:1.5)", book=book, emphasis="No norm")
    assert torch.allclose(heavy[:, 2:5], plain[:, 2:5] * 1.5)
    assert torch.equal(heavy[:, 5:], plain[:, 5:])
    assert torch.equal(states([small], "a mat"), before)


def test_the_checkpoints_own_text_model_gives_the_same(model):
    with model.store.lend("text") as texts:
        made = encode(texts, model.traits, "a cat", "", 5, JobOptions(), None, CPU, size=(64, 64))
    assert made.parts[0][0].at(0).states.shape == (1, 77, 32)
    assert replace(made, parts=()).negative.at(0).time_ids is None
