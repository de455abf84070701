"""The meaning of macros and environments of LaTeX, by their names without backslash."""

import re

FORMULA_ENVIRONMENTS = {
    "equation": "", "displaymath": "", "dmath": "", "math": "", "align": "aligned", "flalign": "aligned",
    "alignat": "aligned", "eqnarray": "aligned", "gather": "gathered", "multline": "gathered",
    "IEEEeqnarray": "aligned",
    "xalignat": "aligned", "dgroup": "gathered", "aligned": "aligned", "gathered": "gathered", "cases": "cases",
    "pmatrix": "pmatrix", "bmatrix": "bmatrix", "matrix": "matrix", "vmatrix": "vmatrix", "split": "aligned",
}  # fmt: skip
THEOREMS = {
    "theorem": "Theorem", "thm": "Theorem", "lemma": "Lemma", "lem": "Lemma", "proposition": "Proposition",
    "prop": "Proposition", "corollary": "Corollary", "cor": "Corollary", "definition": "Definition",
    "defn": "Definition", "example": "Example", "examples": "Examples", "exercise": "Exercise", "remark": "Remark",
    "rem": "Remark", "remarks": "Remarks", "note": "Note", "claim": "Claim", "conjecture": "Conjecture",
    "axiom": "Axiom", "fact": "Fact", "problem": "Problem", "question": "Question", "solution": "Solution",
    "observation": "Observation", "assumption": "Assumption", "notation": "Notation", "proof": "Proof",
    "theorem*": "Theorem", "lemma*": "Lemma", "proof*": "Proof", "definition*": "Definition", "remark*": "Remark",
}  # fmt: skip


HEADINGS = {
    "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
    "frametitle": 3, "beginsection": 2, "subtitle": 3, "appendixsection": 2, "sect": 2, "subsect": 3,
}  # fmt: skip
# Macros that are left out, with their number of groups, which are left out too.
LEFT_OUT = {
    name: count
    for count, names in (
        (0, "morecmidrules addlinespace SetAlgoLined SetAlgoNoLine DontPrintSemicolon LinesNumbered BlankLine "
            "centering maketitle tableofcontents listoffigures listoftables newpage clearpage cleardoublepage "
            "pagebreak "
            "noindent indent par bigskip medskip smallskip hfill vfill hrule bf it rm sl sc tt em sf bfseries itshape "
            "rmfamily ttfamily sffamily scshape slshape upshape mdseries normalfont tiny scriptsize footnotesize small "
            "normalsize large Large LARGE huge Huge raggedright raggedleft flushbottom raggedbottom sloppy fussy "
            "frontmatter mainmatter backmatter appendix printindex makeindex doublespacing singlespacing "
            "onehalfspacing "
            "protect relax leavevmode null strut hline toprule midrule bottomrule endhead endfirsthead endfoot "
            "endlastfoot qed qedhere qedsymbol nobreak allowbreak linebreak nolinebreak nopagebreak eject vfil hfil "
            "vfill break goodbreak filbreak and unskip ignorespaces obeylines hss vss magnification nopagenumbers "
            "displaystyle textstyle limits nolimits left right big Big bigg Bigg printbibliography makeatletter "
            "makeatother today columnbreak selectfont mathstrut phantomsection xspace frenchspacing "
            "nonfrenchspacing pause proclaim endproclaim demo enddemo begingroup endgroup bgroup egroup hbox vbox mbox "
            "centerline leftline rightline line narrower dotfill hrulefill smallbreak medbreak bigbreak "
            "textwidth linewidth columnwidth baselineskip parindent parskip hsize vsize noalign"),
        (1, "label index cite citep citet citealt citealp nocite parencite textcite autocite footcite ref "
            "eqref pageref autoref cref Cref vref nameref prettyref usepackage RequirePackage input include subfile "
            "includeonly documentclass documentstyle bibliographystyle bibliography pagestyle thispagestyle vspace "
            "hspace includegraphics graphicspath epsfig epsfbox psfig addbibresource hyphenation theoremstyle "
            "pagenumbering usetikzlibrary cline cmidrule hhline rowcolor cellcolor columncolor arrayrulecolor "
            "SetCell SetCells SetRow SetRows column setbeamercovered usebeamercolor "
            "hypersetup geometry color pagecolor title author "
            "DeclareGraphicsExtensions enlargethispage phantom hphantom vphantom glsresetall listinginputfile "
            "linespread stepcounter refstepcounter value arabic roman "
            "thanks footnotemark markright thispage lstset captionsetup setbeamertemplate usetheme usecolortheme "
            "usebeamerfont specialsection tikz special newcounter newlength newif lstinputlisting verbatiminput "
            "tikzset pgfplotsset ctikzset addtocategory usefonttheme selectlanguage"),
        (2, "SetKwInOut SetKwInput SetKwFunction SetKwData SetKw setbeamerfont setbeamercolor "
            "setlength addtolength setcounter addtocounter fontsize markboth rule import numberwithin newfloat "
            " inputminted"),
        (3, "addcontentsline definecolor rowcolors specialrule"),
        (4, "SetKwProg SetKwFor"),
    )
    for name in names.split()
}  # fmt: skip
# Macros that are left out together with the tie or space before them.
REFERENCES = frozenset(
    "cite citep citet citealt citealp parencite textcite autocite footcite ref eqref pageref autoref cref Cref vref "
    "nameref prettyref label index footnotemark".split()
)
# Number of groups before the group that is text.
BEFORE_TEXT = {
    "textcolor": 1, "colorbox": 1, "parbox": 1, "raisebox": 1, "resizebox": 2, "scalebox": 1, "rotatebox": 1,
    "makebox": 0, "framebox": 0, "fcolorbox": 2, "foreignlanguage": 1, "multirow": 2, "hyperlink": 1, "hypertarget": 1,
    "href": 1, "fontfamily": 1, "hyperref": 0, "adjustbox": 1, "only": 0, "footnotetext": 0, "bibitem": 0,
}  # fmt: skip
# Texts before and after the group of a macro.
AROUND = {
    "footnote": (" (", ")"), "footnotetext": (" (", ")"), "marginpar": (" (", ")"), "textsuperscript": ("^{", "}"),
    "textsubscript": ("_{", "}"), "texttt": ("`", "`"), "url": ("", ""), "caption": ("\n\n", "\n\n"),
    "captionof": ("\n\n", "\n\n"), "subcaption": ("\n\n", "\n\n"), "path": ("`", "`"), "sout": ("~~", "~~"),
    "code": ("`", "`"), "enquote": ("“", "”"), "nolinkurl": ("", ""),
}  # fmt: skip
STRUCTURE = frozenset({*HEADINGS, *AROUND, "item", "emph", "textbf", "textit", "caption", "maketitle"})
ENVIRONMENT_ARGUMENTS = {
    "minipage": 1, "multicols": 1, "wrapfigure": 2, "wraptable": 2, "subfigure": 1, "subtable": 1, "adjustbox": 1,
    "thebibliography": 1, "tabular": 1, "array": 1, "longtable": 1, "tabularx": 2, "tabular*": 2, "tabulary": 2,
    "supertabular": 1, "tblr": 1, "tabu": 1, "column": 1, "list": 2, "textblock": 1, "spacing": 1, "IEEEeqnarray": 1,
    "longtabu": 1, "xtabular": 1, "otherlanguage": 1, "alignat": 1, "addmargin": 1, "rotate": 1, "turn": 1,
}  # fmt: skip
TABLES = frozenset(
    "tabular array longtable tabularx tabular* tabulary supertabular tblr tabu longtabu xtabular".split()
)
LISTS = {
    "itemize": "- ", "enumerate": "1. ", "description": "- ", "compactitem": "- ", "compactenum": "1. ", "list": "- ",
    "trivlist": "- ", "thebibliography": "- ", "inparaenum": "1. ", "dinglist": "- ", "asparaenum": "1. ",
}  # fmt: skip
DRAWINGS = frozenset(
    "tikzpicture picture pspicture psmatrix tikzcd CD diagram asy pgfpicture circuitikz forest "
    "dot2tex sageplot feynman".split()
)
ENVIRONMENT_TITLES = {
    "abstract": "Abstract", "acknowledgements": "Acknowledgements", "acknowledgments": "Acknowledgments",
    "acknowledgement": "Acknowledgement", "thebibliography": "References",
}  # fmt: skip
ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "d": "\u0323", "b": "\u0331", "r": "\u030a",
    "t": "\u0361",
}  # fmt: skip
ACCENTED = re.compile(
    r"[ \t]*(?:\{[ \t]*(?:\\([ij])(?![A-Za-z])|([^{}\\\s]?))[ \t]*(?:\{\})?\}|\\([ij])(?![A-Za-z])[ \t]*|([^{}\\\s]))"
)
CHARACTERS = {
    "&": "&", "%": "%", "#": "#", "_": "_", "{": "{", "}": "}", "$": "\\$", "\\": "\n", " ": " ", "\n": " ", ",": " ",
    ";": " ", ":": " ", "!": "", "/": "", "-": "", "@": "", "*": "", "+": "", "|": "‖", ">": " ", "<": "", "\t": " ",
}  # fmt: skip
WORDS = {
    "LaTeX": "LaTeX", "TeX": "TeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "XeTeX": "XeTeX", "LuaTeX": "LuaTeX",
    "AmS": "AMS", "ldots": "…", "dots": "…", "textellipsis": "…", "textbackslash": "\\", "textasciitilde": "~",
    "textasciicircum": "^", "textless": "<", "textgreater": ">", "textbar": "|", "textunderscore": "_", "lbrace": "{",
    "rbrace": "}", "textquotedblleft": "“", "textquotedblright": "”", "textquoteleft": "‘", "textquoteright": "’",
    "quad": " ", "qquad": " ", "space": " ", "enspace": " ", "thinspace": " ", "slash": "/", "newline": "\n",
    "i": "ı", "j": "ȷ", "S": "§", "P": "¶", "copyright": "©", "pounds": "£", "dag": "†", "ddag": "‡", "euro": "€",
    "textdegree": "°", "degree": "°", "textmu": "µ", "textendash": "–", "textemdash": "—", "lq": "‘", "rq": "’",
    "cr": "\n", "tabularnewline": "\n", "textbullet": "•", "textdollar": "\\$", "hskip": " ", "vskip": "", "kern": "",
}  # fmt: skip
DIMENSION = re.compile(
    r"\s*=?\s*-?(?:\d+\.?\d*|\.\d+)\s*(?:true\s*)?(?:pt|em|ex|cm|mm|in|pc|bp|sp|\\\w+)(?:\s*(?:plus|minus)\s*-?[\d.]+\s*\w{2,4})*"
)
ASSIGNED = frozenset(
    "vskip hskip kern parindent parskip hsize vsize baselineskip textwidth magnification lineskip "
    "raise lower hoffset voffset".split()
)
# The title after a heading macro of plain TeX, which extends to the end of the line.
TITLE_LINE = re.compile(r"[ \t]*([^\s\\{}][^\n\\{}]{0,300})(?:\\par)?(?=\n|\Z)")
# Macros of formulas that authors also use in text.
IN_TEXT_FORMULA = re.compile(
    r"(?:alpha|beta|gamma|delta|epsilon|pi|sigma|omega|lambda|mu|infty|leq?|geq?|neq|times|rightarrow|to)\Z"
)
