"""Regular expressions for constrained output, for backends that support it.

A small model needs the constraints, but they restrict a strong one. They apply only to the small model, unless a user
asks for them.
"""

MIN_QUESTION_CHARS = 25
MAX_QUESTION_CHARS = 4000
# The small model writes a question if its first word is that of one, and ends it if line breaks are not allowed.
_SMALL_MODEL_OPENINGS = (
    "What|How many|How|Which|Find|Compute|Calculate|Determine|Evaluate|Prove|Show|Let|Suppose|Given|Consider|Assume|For"
    "|If|In|A|An|Two|Three"
)
MAX_SMALL_MODEL_CHARS = 1000
SMALL_MODEL_QUESTION = rf"(?:{_SMALL_MODEL_OPENINGS}) [^<\n]{{{MIN_QUESTION_CHARS},{MAX_SMALL_MODEL_CHARS}}}[.?]"
# Any first word, line breaks, code and every script (a Chinese character counts as three); only a closing tag ends it.
ANY_QUESTION = rf"(?:[^<]|<[^/]){{{MIN_QUESTION_CHARS // 3 + 1},{MAX_QUESTION_CHARS}}}"


def longest_question(form: str) -> int:
    """Return the length in characters from which a question that matches a form counts as cut off."""
    return MAX_SMALL_MODEL_CHARS if form == SMALL_MODEL_QUESTION else MAX_QUESTION_CHARS
