"""Run small Python programs that a language model wrote, without trusting them.

Two back ends hold on Linux: `bubblewrap` gives a program its own namespaces, `landlock` restricts it without
namespaces. Both add the same filter of system calls (seccomp) and the same limits. `choose` tests the back ends with a
hostile program and returns the first that holds; without one, no program is run.
"""

from kgsynth.verification.sandbox.examination import BACK_ENDS, Examination, choose, examine, measure_rate
from kgsynth.verification.sandbox.limits import Limits
from kgsynth.verification.sandbox.program_run import ProgramRun, Sandbox

__all__ = ["BACK_ENDS", "Examination", "Limits", "ProgramRun", "Sandbox", "choose", "examine", "measure_rate"]
