"""Forms of answers as regular expressions, for backends that can force them by a grammar.

A small model needs them; they narrow what a strong one may say, so they are in force for the small one alone unless a
user asks for them.
"""

MIN_QUESTION_CHARS = 25
MAX_QUESTION_CHARS = 4000
# The small model writes a question when it has begun like one, and ends it when no line break is allowed.
_SMALL_MODEL_OPENINGS = (
    "What|How many|How|Which|Find|Compute|Calculate|Determine|Evaluate|Prove|Show|Let|Suppose|Given|Consider|Assume|For"
    "|If|In|A|An|Two|Three"
)
MAX_SMALL_MODEL_CHARS = 1000
SMALL_MODEL_QUESTION = rf"(?:{_SMALL_MODEL_OPENINGS}) [^<\n]{{{MIN_QUESTION_CHARS},{MAX_SMALL_MODEL_CHARS}}}[.?]"
# Any opening, several lines, code and every script (a Chinese character counts for three); only a closing tag ends it.
ANY_QUESTION = rf"(?:[^<]|<[^/]){{{MIN_QUESTION_CHARS // 3 + 1},{MAX_QUESTION_CHARS}}}"


def longest_question(form: str) -> int:
    """Characters at which a question that a form lets through was cut, not ended."""
    return MAX_SMALL_MODEL_CHARS if form == SMALL_MODEL_QUESTION else MAX_QUESTION_CHARS
