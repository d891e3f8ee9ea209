//! The codes of test quotes, HT0301 to HT0316, with their long texts.

use crate::diagnostic::{Code, CodeInfo};

/// No directory of test quotes.
pub(super) const FOLDER_MISSING: Code = Code::new("HT0301");
/// Test quotes outside of the project.
pub(super) const OUTSIDE: Code = Code::new("HT0302");
/// A directory without test quotes.
pub(super) const NO_FILES: Code = Code::new("HT0303");
/// A file that cannot be read as text.
pub(super) const UNREADABLE: Code = Code::new("HT0304");
/// A file that is not JSON.
pub(super) const NOT_JSON: Code = Code::new("HT0305");
/// JSON that is no list of quotes.
pub(super) const SHAPE: Code = Code::new("HT0306");
/// A key beside `input` that nothing reads.
pub(super) const UNKNOWN_KEY: Code = Code::new("HT0307");
/// A key given twice.
pub(super) const DUPLICATE_KEY: Code = Code::new("HT0308");
/// A number that cannot be held.
pub(super) const NUMBER: Code = Code::new("HT0309");
/// A tolerance that cannot be meant.
pub(super) const TOLERANCE: Code = Code::new("HT0310");
/// A file without a quote.
pub(super) const NO_ROWS: Code = Code::new("HT0311");
/// Golden and plain rows in one file.
pub(super) const MIXED: Code = Code::new("HT0312");
/// Rows with other keys than the rest.
pub(super) const ROWS_DIFFER: Code = Code::new("HT0313");
/// An expectation that checks nothing.
pub(super) const NOTHING_CHECKED: Code = Code::new("HT0314");
/// A project without test quotes.
pub(super) const NO_QUOTES: Code = Code::new("HT0315");
/// A whole number that floats do not hold.
pub(super) const LARGE_NUMBER: Code = Code::new("HT0316");

const fn info(code: Code, title: &'static str, explain: &'static str) -> CodeInfo {
    CodeInfo { code, title, explain }
}

/// Every code of test quotes.
pub const CODES: &[CodeInfo] = &[
    info(
        FOLDER_MISSING,
        "no directory of test quotes",
        "`dir` of `[test_quotes]` names the directory whose `*.json` files are priced before a release ships. It is not \
there, so nothing would be proven. The path is relative to the directory of `haute.toml`.\n\n    [test_quotes]\n    \
dir = \"tests/quotes\"",
    ),
    info(
        OUTSIDE,
        "test quotes outside of the project",
        "Test quotes are part of the project: the same commit is proven with the same quotes on every machine. An absolute \
path, a path that leaves the project by `..`, or a link out of it names files that another checkout does not have.\n\n\
Move the files into the project:\n\n    [test_quotes]\n    dir = \"tests/quotes\"",
    ),
    info(
        NO_FILES,
        "a directory without test quotes",
        "The directory holds no `*.json` file (directories below it are not looked into), so nothing would be proven. Add a \
file such as `tests/quotes/young-drivers.json`:\n\n    [\n      {\"input\": {\"DrivAge\": 19}, \"expected\": {\"premium\": \
812.5}}\n    ]",
    ),
    info(
        UNREADABLE,
        "a file of test quotes cannot be read",
        "The file is not a regular file of UTF-8 text that this user may read. JSON is UTF-8 without a byte order mark; another \
encoding would price another text than the one written down.\n\n    iconv -f WINDOWS-1252 -t UTF-8 quotes.json > new && mv \
new quotes.json",
    ),
    info(
        NOT_JSON,
        "a file of test quotes is not JSON",
        "The label is at the first place that is not JSON. Usual causes: a comma after the last entry, single quotes, Python's \
`True` and `None`, a comment. A note goes into a key that starts with `_`, which is ignored.\n\n    \
{\"input\": {\"DrivAge\": 19, \"_note\": \"just passed the test\"}}",
    ),
    info(
        SHAPE,
        "not a list of quotes",
        "A file holds an array of rows, or one row. Either every row is plain:\n\n    [{\"DrivAge\": 19}, {\"DrivAge\": 40}]\n\n\
or every row is golden, with the price that must come out:\n\n    [{\"input\": {\"DrivAge\": 19}, \"expected\": {\"premium\": \
812.5}, \"tolerance_pct\": 0.01}]\n\nA row with the key `input` is golden. `input` and `expected` are objects, and `expected` and \
`tolerance_pct` need an `input`. Haute 0.5 and later refuse plain rows.",
    ),
    info(
        UNKNOWN_KEY,
        "unknown key beside `input`",
        "A golden row has `input`, `expected` and `tolerance_pct`. Another key is usually one of them misspelt, and then the \
price would not be compared at all. A note goes into a key that starts with `_`.\n\n    {\"input\": {}, \"expcted\": {}}    # \
would check nothing\n    {\"input\": {}, \"expected\": {}, \"_note\": \"from the filing\"}",
    ),
    info(
        DUPLICATE_KEY,
        "a key is given twice",
        "JSON readers differ in which of two equal keys counts, so it is not certain which quote is meant, and the quote that was \
proven may not be the one another program sends. Keep one:\n\n    {\"DrivAge\": 19, \"DrivAge\": 40}    # which?",
    ),
    info(
        NUMBER,
        "a number that cannot be held",
        "`NaN` and `Infinity` are not JSON, `1e400` is beyond the largest float, and a whole number beyond 64 bits has no \
column type. Python reads the first two and turns the third into infinity, so that a price may come out of a number nobody \
meant.\n\n    {\"SumInsured\": 1e400}    # infinity in Python\n    {\"SumInsured\": null}     # a value that is not known",
    ),
    info(
        TOLERANCE,
        "tolerance_pct cannot be meant",
        "`tolerance_pct` is a fraction from 0 to 1, in spite of its name: 0.01 is one per cent. A value above 1 would accept \
more than twice the price. It needs `expected`, and counts for its numbers.\n\n    {\"input\": {\"DrivAge\": 19}, \"expected\": \
{\"premium\": 812.5}, \"tolerance_pct\": 0.01}",
    ),
    info(
        NO_ROWS,
        "a file without a quote",
        "The file is an empty list, so it proves nothing. It may have \
been emptied by the program that writes it. Add a row, or remove the file.\n\n    [{\"input\": {\"DrivAge\": 19}}]",
    ),
    info(
        MIXED,
        "plain and golden rows in one file",
        "A row with the key `input` is golden, any other is plain. In a file with both, a plain row may be a golden one whose \
`input` was misspelt, and its price would not be compared. Put the rows into two files, or wrap the plain ones:\n\n    \
{\"input\": {\"DrivAge\": 19}}",
    ),
    info(
        ROWS_DIFFER,
        "a row with other keys than the rest",
        "Most rows of the project's quotes have the same keys; this one lacks some of them or has others. A misspelt key is \
priced as a missing value, which may be right and is usually not. Where it is meant, write the missing ones as null:\n\n    \
{\"DrivAge\": 19, \"VehPower\": null}",
    ),
    info(
        NOTHING_CHECKED,
        "an expectation that checks nothing",
        "`expected` is empty, or has a tolerance but no number it could count for. The quote is priced, but its price is \
compared with nothing that was written down.\n\n    {\"input\": {\"DrivAge\": 19}, \"expected\": {\"premium\": 812.5}}",
    ),
    info(
        NO_QUOTES,
        "the project has no test quotes",
        "Without test quotes a release is built and served, but no price of it was ever compared with one that was meant. A \
few rows with the premiums of the filing are enough to notice a price that changed by accident.\n\n    [test_quotes]\n    \
dir = \"tests/quotes\"",
    ),
    info(
        LARGE_NUMBER,
        "a whole number that floats do not hold",
        "Whole numbers beyond 2^53 (9007199254740992) are priced exactly, but callers whose JSON has floats only (JavaScript, \
many gateways) send the nearest float instead. An identifier is safer as a string:\n\n    {\"IDpol\": \"9007199254740993\"}",
    ),
];
