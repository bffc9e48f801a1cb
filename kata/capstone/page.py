"""A run as one self-contained page: what it was to beat, its losses, what it wrote; no script, no address."""

from kata.capstone import curve
from kata.capstone.entropies import SMOOTHING
from kata.capstone.record import Record
from kata.draw_html import document, safe
from kata.page_style import STYLE

CURVE_STYLE = """
svg { width: 100%; max-width: 820px; height: auto; font-size: 13px; }
svg text { fill: var(--ink); } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .grid { stroke: var(--line); } svg polyline { fill: none; stroke-width: 2; }
svg line.level { stroke: var(--quiet); stroke-dasharray: 6 4; } svg text.level { fill: var(--quiet); }
svg polyline.train { stroke: rgb(var(--cold)); } svg text.train { fill: rgb(var(--cold)); }
svg polyline.held { stroke: rgb(var(--heat)); } svg text.held { fill: rgb(var(--heat)); }
"""


def page(record: Record) -> str:
    """The whole page; it is well-formed XML as well."""
    samples = "".join(
        f"<h3>After {sample.step:,} steps</h3><pre><b>{safe(sample.given)}</b>{safe(sample.text)}</pre>"
        for sample in reversed(record.samples)
    )
    lines = "".join(f"<p>{safe(line)}</p>" for line in summary(record))
    body = f"""<header><h1>Your GPT learns English</h1>{lines}</header>
<section><h2>The loss, in nats a token</h2>
<p>Blue is text that is held out, the honest measure; brown is text that was trained on. The dashed lines are models
that only count: {safe(SMOOTHING)}, measured on the same held-out text.</p>
{curve.svg(record)}</section>
<section><h2>What it writes</h2>
<p>The bold beginning is given; each token after it is drawn at temperature 0.8, top-p 0.95.</p>{samples}</section>"""
    return document("Your GPT", STYLE + CURVE_STYLE, body)


def summary(record: Record) -> list[str]:
    """What the run is and how far it has come, in a few sentences."""
    facts, settings = record.facts, record.settings
    if facts is None:
        return []
    whose = "your own tokenizer" if settings.tokenizer == "own" else "those of GPT-2's tokens that occur in it"
    lines = [
        f"Text: {facts.text}, {facts.train_tokens:,} tokens to train on, {facts.held_out_tokens:,} held out; "
        f"{facts.vocab_size:,} different tokens: {whose}.",
        f"Model: {facts.parameters:,} parameters, {settings.n_layers} blocks of {settings.n_heads} heads, "
        f"{settings.emb_dim} features, a context of {settings.context_length} tokens; the code in {record.tree}.",
    ]
    if record.points:
        point = record.points[-1]
        rate = record.tokens / record.seconds if record.seconds else 0.0
        bits = facts.nats_to_bits
        gap = facts.bigram - point.held_out
        lines.append(
            f"After {record.step:,} steps, {record.tokens:,} tokens and {record.seconds:.0f} s "
            f"({rate:,.0f} tokens/s on {record.device}): the held-out loss is {point.held_out:.3f} nats a token "
            f"({point.held_out * bits:.2f} bits a character), {abs(gap):.3f} {'below' if gap > 0 else 'above'} the "
            f"bigrams' {facts.bigram:.3f} ({facts.bigram * bits:.2f} bits)."
        )
    return lines
