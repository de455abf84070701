"""Tests of `kgsynth.faults`."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kgsynth import faults, texts
from tests.timing import is_quick

LABELLED = [json.loads(line) for line in (Path(__file__).parent / "loops.jsonl").read_text("utf-8").splitlines()]


IDENTITY = " \\\\ ".join(" & ".join("1" if row == column else "0" for column in range(12)) for row in range(12))


PLAIN_IDENTITY = "\n".join(" ".join("1" if row == column else "0" for column in range(9)) for row in range(9))


TIMES_TABLE = "\n".join(f"{one} x 7 = {7 * one}" for one in range(1, 31))


SPOKEN_TIMES_TABLE = " ".join(f"{one} times 7 is {7 * one}." for one in range(1, 31))


TRUTH_VALUES = [(a, b, c) for a in (True, False) for b in (True, False) for c in (True, False)]


TRUTH_TABLE = "\n".join(f"{a} {b} {c} {(a and b) or not c}" for a, b, c in TRUTH_VALUES)


MARKDOWN_TRUTH_TABLE = "| a | b | c | d |\n|---|---|---|---|\n" + "\n".join(
    f"| {a} | {b} | {c} | {(a and b) or not c} |" for a, b, c in TRUTH_VALUES
)


ROW_REDUCTION = "\n\n".join(
    f"Step {step}: we add {2 * step} times the first row to row {step + 1} and get\n\n"
    f"| 1 | {step} | 0 |\n| 0 | {step + 1} | {3 * step} |\n| 0 | 0 | {step * step} |"
    for step in range(1, 6)
)


SQL = "CREATE TABLE t (id INT);\n" + "\n".join(
    f"INSERT INTO t (id, name, town) VALUES ({n}, '{name}', '{town}');"
    for n, (name, town) in enumerate(
        [("Ann", "Bern"), ("Bo", "Lyon"), ("Cy", "Graz"), ("Di", "Oslo"), ("Ed", "Brno"), ("Fay", "Cork")]
    )
)


LISTING = "\n".join(
    ["def board():", "    grid = ["] + ["        [0, 0, 0, 0, 0, 0, 0, 0],"] * 8 + ["    ]", "    return grid"]
)


CHORUS = "Roll on, river, roll on to the sea,\nand carry the songs of the valley with thee.\n"


SONG = "\n".join(
    verse + CHORUS
    for verse in (
        "The miller is up and the wheel is turned,\nthe lamp in the window the whole night burned.\n",
        "The ferryman waits with his pole in his hand,\nhe knows every stone between water and land.\n",
        "The children are counting the boats as they go,\nthe first under sail and the last under tow.\n",
    )
)


PANTOUM = """The lamps go out along the harbour wall,
a late boat turns and slips its rope of light;
we hear, or think we hear, the pilot call,
and someone coughs, and shutters close the night.

A late boat turns and slips its rope of light,
the nets hang up like ghosts of yesterday,
and someone coughs, and shutters close the night:
there is so little left for us to say.

The nets hang up like ghosts of yesterday,
we hear, or think we hear, the pilot call.
There is so little left for us to say:
the lamps go out along the harbour wall."""


LEASE = " ".join(
    f"The tenant shall not {act} without the prior written consent of the landlord, which shall not be unreasonably "
    f"withheld; {then}."
    for act, then in (
        ("sublet the dwelling", "a request names the person who is to move in"),
        ("keep a dog", "cats and fish need no consent"),
        ("paint the outer walls", "inner walls may have any colour that covers well"),
        ("change the locks", "a lost key is replaced at the tenant's cost"),
    )
)


RECIPE = """- 2 cups of flour
- 1 cup of sugar
- 1 cup of butter
- 1 teaspoon of salt
- 1 teaspoon of baking powder

1. Mix the flour and the salt.
2. Add the butter and mix until smooth.
3. Add the sugar and mix until smooth.
4. Bake for 20 minutes, turn the tin, and bake for 20 minutes more."""


CHINESE = (
    "质数是大于一的自然数，除了一和它本身以外没有别的因数。二是唯一的偶质数。欧几里得证明了质数有无穷多个："
    "假设只有有限个，把它们相乘再加一，所得的数不能被其中任何一个整除，于是得到矛盾。"
    "因此质数的个数是无限的。合数可以唯一地分解为质数的乘积，这叫做算术基本定理。"
)


JAPANESE = (
    "素数とは、一より大きい自然数のうち、一とその数自身のほかに約数を持たないものである。二は唯一の偶数の素数である。"
    "素数が無限に存在することは古くから知られている。有限個しかないと仮定して、すべての積に一を加えた数を考えればよい。"
)


CONJUGATION = "\n".join(
    f"ich {one}e, du {one}st, er {one}t, wir {one}en, ihr {one}t, sie {one}en"
    for one in ("lach", "spiel", "hör", "lern", "wohn")
)


FLIPS = (
    "Heads, tails, tails, heads, heads, heads, tails, heads, tails, tails, heads, tails, heads, heads, tails, tails."
)


LOG = "\n".join(
    f"2024-03-0{day} 0{hour}:00:01 INFO worker {day * hour} finished job {100 * day + hour} in {day + hour} s"
    for day in (1, 2, 3)
    for hour in (1, 2, 3, 4)
)


CHOICES = "\n\n".join(
    f"{n}. What is the capital of {land}?\nA) {right}\nB) {wrong}\nC) None of the above\nD) All of the above"
    for n, (land, right, wrong) in enumerate(
        [("France", "Paris", "Lyon"), ("Spain", "Madrid", "Vigo"), ("Italy", "Rome", "Bari"), ("Peru", "Lima", "Ica")],
        1,
    )
)


COLLATZ = " ".join(
    f"{n} is odd, so we multiply by three, add one and get {3 * n + 1}."
    if n % 2
    else f"{n} is even, so we divide by two and get {n // 2}."
    for n in (27, 82, 41, 124, 62, 31, 94, 47, 142, 71, 214, 107, 322, 161)
)


ROW_STEPS = " ".join(
    f"Subtract {times} times row {column} from row {row} to get a zero in column {column}."
    for row in range(2, 6)
    for column in range(1, row)
    for times in (2, 3)
)


COMMITS = "\n".join(
    f"commit {n * 7919:08x}\nAuthor: Ann Example <ann@example.org>\nDate:   Mon Mar {n} 10:0{n}:00 2024 +0000\n\n    {said}\n"
    for n, said in enumerate(("Fix the parser", "Add tests", "Remove the cache", "Rename a module", "Sort imports"), 1)
)


COUNTING_SONG = "\n\n".join(
    f"Green grow the willows, O!\nI'll sing you {one}, O!\nGreen grow the willows, O!\nWhat is your {one}, O?"
    for one in ("one", "two", "three")
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        CHOICES,
        COLLATZ,
        ROW_STEPS,
        COMMITS,
        COUNTING_SONG,
        f"The matrix is $\\begin{{pmatrix}} {IDENTITY} \\end{{pmatrix}}$.",
        f"\\begin{{bmatrix}} {IDENTITY} \\end{{bmatrix}}",
        PLAIN_IDENTITY,
        "The sum is $" + " + ".join("1" * 60) + "$, that is $60$.",
        "The sum is " + " + ".join("1" * 80) + " = 80.",
        "$" + " \\cdot ".join(["x"] * 50) + " = x^{50}$",
        TIMES_TABLE,
        SPOKEN_TIMES_TABLE,
        TRUTH_TABLE,
        MARKDOWN_TRUTH_TABLE,
        ROW_REDUCTION,
        SQL,
        f"So:\n\n```python\n{LISTING}\n```\n\nThe grid is empty.",
        SONG,
        PANTOUM,
        LEASE,
        RECIPE,
        CHINESE,
        JAPANESE,
        CONJUGATION,
        FLIPS,
        LOG,
        "Bells, bells, bells, bells, bells, bells, bells: so the poem rings out, and so it ends.",
        "Title\n" + "=" * 120 + "\nA text under a rule.\n" + "-" * 120 + "\nAnother one.",
        "1. True\n2. False\n3. True\n4. True\n5. False\n6. False\n7. True\n8. False\n9. True\n10. True\n11. False",
        "Name ........................................................ 3\nPlace ............................ 5",
        "Good: 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181, 6765, 10946.",
        "For $n=1$ we have $1=1$. For $n=2$ we have $1+2=3$. For $n=3$ we have $1+2+3=6$. For $n=4$ we have $10$.",
    ],
)
def test_what_people_repeat_is_no_loop(text: str) -> None:
    assert not faults.loops(text)


@pytest.mark.parametrize(
    "text",
    [
        "The limit is seven. " * 8,
        "We add the two sides and divide by two, which gives the mean. " * 5,
        "It is the the the the the the the the the the the the the the the the the",
        "The answer is no. The answer is yes. " * 6,
        "A good beginning, then: " + "wow, " * 30,
        "\n".join(f"Step {n}: Multiply both sides of the equation by two." for n in range(1, 12)),
        "\n".join(f"{n}. Kenya" for n in range(1, 30)),
        "\n".join(f"{n}. A walk in the park" if n % 2 else f"{n}. A walk in the wood" for n in range(1, 20)),
        "- the cat\n- the dog\n" * 10,
        "\\[ x = y + 1 \\]\n" * 15,
        "So $x = y$, and then $x = y$, and then " * 9,
        "```\n" + "print(total)\n" * 40 + "```",
        "| a | b |\n|---|---|\n" + "| 1 | good |\n| 2 | bad |\n" * 12,
        "7" * 500,
        "The value is 0." + "142857" * 90,
        "H" * 300,
        "n^2" * 200,
        "数は大きい。数は小さい。" * 12,
        "这是一个独立的数字，而不是一种东西。" * 10,
        CHINESE + "这是一个独立的数字，而不是一种东西。" * 14,
        "！" * 300,
        "A fair start of a text that goes well for some time, with words of its own. " + "and so on and on " * 15,
    ],
)
def test_a_text_that_cannot_stop_is_a_loop(text: str) -> None:
    assert faults.loops(text)


def test_a_long_text_that_ends_in_a_loop_is_found() -> None:
    words = " ".join(f"word{n % 7}{n} stands{n} here{n}" for n in range(500))
    assert not faults.loops(words)
    assert faults.loops(words + " and it is what it is because it is so." * 14)


def test_labelled_texts_of_a_small_model_are_told_apart() -> None:
    found = [faults.loops(row["text"]) for row in LABELLED if row["loops"]]
    wrong = [row["text"] for row in LABELLED if not row["loops"] and faults.loops(row["text"])]
    assert len(found) >= 120
    assert len(LABELLED) - len(found) >= 80
    assert sum(found) >= 0.95 * len(found)
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "is_unbalanced"),
    [
        ("A book is $5, a pen $2 and a bag $9. What do they cost together?", False),
        ("It fell from US$12 to $3.50/kg, that is by $1,000 a year for all.", False),
        (r"It costs \$5, \$6 or \$7.", False),
        ("It costs 5$ or 6$ or 7$.", False),
        ("($5), [$6] and **$7**", False),
        ("| $5 | $6 | $7 |", False),
        ("$5.00\n$6.00\n$7.00", False),
        ("A shop sells $x$ pears at $3 each and $y$ nuts at $2 each, for $40. Find $x+y$.", False),
        ("A shop sells $x$ pears at $3 each. Find $x+1$.", False),
        ("Tickets are $12; how many can one buy for $60 if $n$ is even?", False),
        ("From $3 \\le x $ and $ 2x $ it follows.", False),
        ("$0 < x$, $1 + y$ and the rest of $z$", False),
        ("The variable $HOME is set, as is ${PATH}.", False),
        ("Call this.$emit once.", False),
        ("Type:\n\n$ make test\n\nand wait.", False),
        ("Write `${x` or `$y`, then `}`.", False),
        ("```sh\necho $x ${y\n```\nThat is all; $z$ is free.", False),
        ("So:\n\n    echo $x {\n\nand $y$.", False),
        ("$x$$y$ is a product of $$z$$", False),
        ("Set notation \\{ is \\$ fine \\\\[2pt] here.", False),
        ("A brace { without LaTeX", False),
        ("He pays $7, then $y = 3.", True),
        ("It costs $5 and a box holds $x+1 pens.", True),
        ("Find the value of $x when the sum $x+1$ is seven.", True),
        ("The sum is $x+1", True),
        ("The sum is x+y$ in all.", True),
        (r"So \frac{1}{2 is it.", True),
        (r"So \frac1}2 is it.", True),
        (r"\[ x = 2", True),
        (r"\( x = 2 \) and \(", True),
        (r"\left( x \right) + \left[ y", True),
        (r"\begin{align} x \end{equation}", True),
        (r"\end{align}", True),
    ],
)
def test_money_variables_and_code_are_no_latex(text: str, is_unbalanced: bool) -> None:
    assert faults.unbalanced_latex(text) == is_unbalanced


@pytest.mark.parametrize("slip", [r"So \frac{1}{2 is it. ", "The sum is $x+1. ", r"\end{align} ", "It is 1 &gt; 0. "])
def test_a_long_text_may_hold_a_slip_for_every_400_words(slip: str) -> None:
    def is_faulty(text: str) -> bool:
        return faults.unbalanced_latex(text) or faults.has_entities(text)

    assert is_faulty(slip + "word " * 300)
    assert not is_faulty(slip + "word " * 400)
    assert is_faulty((slip + "\n\n" + slip.replace("$", "{")) + "word " * 400)
    assert not is_faulty((slip + "\n\n" + slip.replace("$", "{")) + "word " * 800)


def test_environments_that_end_in_another_order_do_not_close() -> None:
    crossed = r"\begin{align}\begin{matrix} 1 \end{align}\end{matrix}"
    assert faults.unbalanced_latex(crossed)
    assert faults.unbalanced_latex(crossed + " word" * 400)
    assert not faults.unbalanced_latex(r"\begin{align}\begin{matrix} 1 \end{matrix}\end{align}")


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m really sorry, but I am unable to fulfill this request.",
        "**I apologize, but I'm not able to answer this question.**",
        "Sorry, but I don't have access to that file.",
        "I cannot provide information on that topic.",
        "Unfortunately, I cannot assist you with this.",
        "As an AI language model, I do not hold opinions.",
        "The sum is 12.\n\nI'm sorry, but I can't assist with that.",
        "Well, I am an AI assistant and have no hands.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Leider kann ich Ihnen diese Frage nicht beantworten.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "En tant que modèle de langage, je n'ai pas d'avis.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Como modelo de lenguaje, no tengo opiniones.",
        "很抱歉，我不能提供这方面的帮助。",
        "作为一个人工智能助手，我没有个人观点。",
        "申し訳ありませんが、そのご質問にはお答えできません。",
        "죄송하지만 그 요청은 도와드릴 수 없습니다.",
        "Mi dispiace, ma non posso aiutarti.",
    ],
)
def test_a_refusal_is_no_answer(text: str) -> None:
    assert faults.fault(text) == "the model refuses"


@pytest.mark.parametrize(
    "text",
    [
        "“I'm sorry, but I can't help you,” she said, and closed the door.",
        "\"Oh dear. I'm sorry, but I can't help you with that,\" said Ann.",
        "‘Oh dear. I’m sorry, but I can’t help you with that,’ said Ann.",
        'A machine that begins with "As an AI language model, I cannot" tires its readers.',
        "Seen as an AI, the system is small. As an AI it needs no body.",
        "As an AI researcher, I have read many such texts.",
        "The reply `I'm sorry, but I can't help with that` is common.",
        "I cannot find an integer with that property, so there is none.",
        "I'm sorry, but I can't marry you, I wrote.",
        "Unfortunately, the series does not converge.",
        "Sorry, no solution exists: the sum of two odd numbers is even.",
        "Es tut mir leid, aber ich kann heute nicht kommen.",
        "Je ne peux pas venir demain.",
        "对不起，他来晚了。",
        "老师说：“对不起，我不能帮助你。”",
        "申し訳ありません。遅くなりました。",
    ],
)
def test_people_who_are_sorry_are_let_through(text: str) -> None:
    assert faults.fault(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("It is 12.<|im_end|>\n<|im_start|>user", "template tokens"),
        ("It is 12.<|eot_id|>", "template tokens"),
        ("It is 12.<｜end▁of▁sentence｜>", "template tokens"),
        ("[INST] What is 7 + 5? [/INST] It is 12.", "template tokens"),
        ("<<SYS>> Be brief. <</SYS>>", "template tokens"),
        ("<start_of_turn>model\nIt is 12.", "template tokens"),
        ("It is 12.</s>", "template tokens"),
        ("<s> It is 12.</s>", "template tokens"),
        ("so 7 + 5 = 12.</think>It is 12.", "template tokens"),
        ("### Instruction:\nAdd 7 and 5.\n### Response:\n12", "template tokens"),
        ("### Response:\nIt is 12.", "template tokens"),
        ("It is 12.\n\nHuman: And 7 + 6?\n\nAssistant: It is 13.", "template tokens"),
        ("It is 12.\nassistant\nIt is 12.", "template tokens"),
        ("The▁sum▁is▁12.", "template tokens"),
        ("The price was <s>20</s> 15 euros.", ""),
        ("Write `<|im_end|>` at the end.", ""),
        ("```\n[INST] x </s>\n```\nThat is the form.", ""),
        ("The norm is $<|x|>$ and |y|.", ""),
        ("## Response\nThe server sends 200.", ""),
        ("Human: a member of the species. The assistant: a helper.", ""),
        ("It is\x00 12.", "control characters"),
        ("It is\x0c 12.", "control characters"),
        ("It is \x85 12.", "control characters"),
        ("It is caf\ufffd.", "control characters"),
        ("Tabs\tand\r\nlines, 👩‍🔬 and नमस्ते are text.", ""),
        ("So a &lt; b.", "undecoded entities"),
        ("Salt &amp; pepper", "undecoded entities"),
        ("It&#39;s 12.", "undecoded entities"),
        ("a&nbsp;b &#x27;c", "undecoded entities"),
        ("$a &lt; b$", "undecoded entities"),
        ("AT&T; R&D; a &b; c && d;", ""),
        ("Write `&lt;` for it.", ""),
        ("```html\n&nbsp;\n```\nA space.", ""),
        (r"\begin{align} a &= b; \\ c &\le d; \end{align}", ""),
        ("The sum of two odd numbers is even; $1 + 1 = 2$.", ""),
        ("It goes on. " * 30, "loops"),
    ],
)
def test_a_fault_has_its_reason(text: str, reason: str) -> None:
    assert faults.fault(text) == reason


def test_code_and_formulas_are_taken_out() -> None:
    text = "One `a` two.\n\n```py\nb\n```\n\n    c\n\nThree $d$ \\(e\\) \\begin{align} f \\end{align} four.\n\n- g\n\n    h\n"
    assert faults.prose(text, "X").split() == "One X two. X X Three X X X four. - g h".split()
    assert faults.without_code("``quoted'' and `x`, so ``y``.").split() == "``quoted'' and , so .".split()
    assert faults.without_code("Open:\n```\nnever closed") == "Open:\n \n"


MARKS = ["$", "$$", "\\", "{", "}", "\\[", "\\]", "\\begin{array}", "\\end{array}", "`", "```", "\n", "\n\n", "    "]


PIECES = [
    *MARKS,
    "a ",
    "the sum ",
    "1. ",
    "| ",
    "|",
    "数",
    "&lt;",
    "&",
    ";",
    "<",
    "s>",
    '"',
    "‘",
    "0 ",
    "\x00",
    "\ud800",
]


@pytest.mark.slow
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=200))
def test_any_text_has_a_verdict(text: str) -> None:
    assert faults.fault(text) in ("", *faults.FAULTS)
    assert faults.unbalanced_latex(text) in (True, False)
    assert len(faults.prose(text)) <= len(text) + 60


@pytest.mark.parametrize(
    "piece", [*PIECES, *(one * 2 for one in MARKS), "$a$ ", "\\[a ", "`a", "I can't ", "As an AI, ", "(a) "]
)
def test_long_texts_take_no_longer_by_the_character(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    # A quadratic pattern takes minutes here.
    assert is_quick(lambda: [has(text) for has in (*faults.FAULTS.values(), faults.unbalanced_latex)], times=1000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I cannot answer that.", "the model refuses"),
        ("I won't help with that.", "the model refuses"),
        ("I must decline.", "the model refuses"),
        ("I'm unable to provide a solution to this problem.", "the model refuses"),
        ("As an AI assistant I cannot say.", "the model refuses"),
        ("I cannot see a shorter way than this: add the two numbers and halve the sum, which gives 7.", ""),
        ("In HTML, what does &amp; stand for, and how is it escaped?", ""),
        ("Since 1 &lt; 2, the sum is 3.", "undecoded entities"),
    ],
)
def test_short_refusals_and_texts_on_markup(text: str, reason: str) -> None:
    assert faults.fault(text) == reason


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<question>Why?</question>\n<concepts>a; b</concepts>", ["a; b"]),
        ("<question>Why?</question>\n<concepts>a; b", ["a; b"]),
        ("<question>Why?</question> <concepts>a; b\n<question>How?</question><concepts>c</concepts>", ["a; b", "c"]),
        ("<question>Why?</question><question>How?</question>", ["", ""]),
        ("<question>Why? <concepts>a; b</concepts>", []),
        ("<question>Why?\n<question>How?</question>", [""]),
    ],
)
def test_names_that_are_not_closed_cost_no_question(text: str, names: list[str]) -> None:
    found, _ = texts.blocks(text, ("question", "concepts"), optional=("concepts",))
    assert [block["concepts"] for block in found] == names
