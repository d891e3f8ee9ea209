//! Tests of test quotes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{TestQuote, parse_text};
use crate::config::tests::{codes, dump, labels_fit, load, options, project};
use crate::diagnostic::Report;

/// What is wrong, the file, and the codes.
const FILES: &[(&str, &str, &[&str])] = &[
    ("an empty file", "", &["HT0305"]),
    ("nothing but blanks", " \n\t ", &["HT0305"]),
    ("half an array", "[{\"a\": 1}", &["HT0305"]),
    ("half an object", "[{\"a\": 1", &["HT0305"]),
    ("a comma after the last row", "[{\"a\": 1},]", &["HT0305"]),
    ("a comma after the last key", "[{\"a\": 1,}]", &["HT0305"]),
    ("no comma", "[{\"a\": 1 \"b\": 2}]", &["HT0305"]),
    ("no colon", "[{\"a\" 1}]", &["HT0305"]),
    ("a key without quotes", "[{a: 1}]", &["HT0305"]),
    ("single quotes", "[{'a': 1}]", &["HT0305"]),
    ("a comment", "[{\"a\": 1}] // note", &["HT0305"]),
    ("a comment inside", "[\n# note\n{\"a\": 1}]", &["HT0305"]),
    ("words of Python", "[{\"a\": True}]", &["HT0305"]),
    ("two documents", "{\"a\": 1}\n{\"a\": 2}", &["HT0305"]),
    ("a string over lines", "[{\"a\": \"x\ny\"}]", &["HT0305"]),
    ("half a string", "[{\"a\": \"x", &["HT0305"]),
    ("half an escape", "[{\"a\": \"x\\", &["HT0305"]),
    ("an escape nobody knows", "[{\"a\": \"\\x\"}]", &["HT0305"]),
    ("half a surrogate", "[{\"a\": \"\\ud800\"}]", &["HT0305"]),
    ("a control character", "[{\"a\": \"\u{1}\"}]", &["HT0305"]),
    ("a number with a leading zero", "[{\"a\": 01}]", &["HT0305"]),
    ("a number with a plus", "[{\"a\": +1}]", &["HT0305"]),
    ("a number without a digit", "[{\"a\": .5}]", &["HT0305"]),
    ("a number that is a minus", "[{\"a\": -}]", &["HT0305"]),
    ("a hexadecimal number", "[{\"a\": 0x10}]", &["HT0305"]),
    ("a string at the top", "\"quotes\"", &["HT0306"]),
    ("null at the top", "null", &["HT0306"]),
    ("a number as a row", "[{\"a\": 1}, 2]", &["HT0306"]),
    ("an array as a row", "[[{\"a\": 1}]]", &["HT0306"]),
    ("a row without values", "[{}]", &["HT0306"]),
    ("a row of notes only", "[{\"_note\": 1}]", &["HT0306"]),
    ("an input without values", "[{\"input\": {\"_note\": 1}}]", &["HT0306"]),
    ("an input that is a string", "[{\"input\": \"a\"}]", &["HT0306"]),
    ("an input that is null", "[{\"input\": null}]", &["HT0306"]),
    ("an expectation that is a number", "[{\"input\": {\"a\": 1}, \"expected\": 100}]", &["HT0306"]),
    ("an expectation that is null", "[{\"input\": {\"a\": 1}, \"expected\": null}]", &["HT0306"]),
    ("an expectation without an input", "[{\"a\": 1, \"expected\": {\"p\": 1}}]", &["HT0306"]),
    ("a misspelt expectation", "[{\"input\": {\"a\": 1}, \"expcted\": {\"p\": 1}}]", &["HT0307"]),
    ("a misspelt input", "[{\"inptu\": {\"a\": 1}, \"expected\": {\"p\": 1}}]", &["HT0307"]),
    ("a misspelt input alone", "[{\"imput\": {\"a\": 1}}]", &["HT0307"]),
    ("a column beside the input", "[{\"input\": {\"a\": 1}, \"zzz\": 2}]", &["HT0307"]),
    ("a key twice", "[{\"a\": 1, \"a\": 2}]", &["HT0308"]),
    ("a key twice by an escape", "[{\"a\": 1, \"\\u0061\": 2}]", &["HT0308"]),
    ("an input twice", "[{\"input\": {\"a\": 1}, \"input\": {\"a\": 2}}]", &["HT0308"]),
    ("a nested key twice", "[{\"a\": [{\"b\": 1, \"b\": 1}]}]", &["HT0308"]),
    ("a number beyond floats", "[{\"a\": 1e400}]", &["HT0309"]),
    ("a negative number beyond floats", "[{\"a\": -1e400}]", &["HT0309"]),
    ("not a number", "[{\"a\": NaN}]", &["HT0309"]),
    ("both infinities", "[{\"a\": Infinity, \"b\": -Infinity}]", &["HT0309", "HT0309"]),
    ("a whole number beyond 64 bits", "[{\"a\": 12345678901234567890123}]", &["HT0309"]),
    ("a whole number beyond i64", "[{\"a\": 9223372036854775808}]", &["HT0309"]),
    ("not a number as the price", "[{\"input\": {\"a\": 1}, \"expected\": {\"p\": NaN}}]", &["HT0309"]),
    ("a whole number beyond floats", "[{\"a\": 9007199254740993}]", &["HT0316"]),
    (
        "per cent for a fraction",
        "[{\"input\": {\"a\": 1}, \"expected\": {\"p\": 1}, \"tolerance_pct\": 5}]",
        &["HT0310"],
    ),
    (
        "a negative tolerance",
        "[{\"input\": {\"a\": 1}, \"expected\": {\"p\": 1}, \"tolerance_pct\": -0.1}]",
        &["HT0310"],
    ),
    (
        "a tolerance as a string",
        "[{\"input\": {\"a\": 1}, \"expected\": {\"p\": 1}, \"tolerance_pct\": \"1%\"}]",
        &["HT0310"],
    ),
    (
        "a tolerance as a boolean",
        "[{\"input\": {\"a\": 1}, \"expected\": {\"p\": 1}, \"tolerance_pct\": true}]",
        &["HT0310"],
    ),
    ("a tolerance for nothing", "[{\"input\": {\"a\": 1}, \"tolerance_pct\": 0.1}]", &["HT0310"]),
    ("no row", "[]", &["HT0311"]),
    ("both forms", "[{\"input\": {\"a\": 1}}, {\"a\": 2}]", &["HT0312"]),
    ("a misspelt column", "[{\"age\": 1}, {\"age\": 2}, {\"aeg\": 3}]", &["HT0313"]),
    ("an expectation of nothing", "[{\"input\": {\"a\": 1}, \"expected\": {}}]", &["HT0314"]),
    (
        "a tolerance without a number",
        "[{\"input\": {\"a\": 1}, \"expected\": {\"p\": \"x\"}, \"tolerance_pct\": 0.1}]",
        &["HT0314"],
    ),
    ("a byte order mark", "\u{feff}[{\"a\": 1}]", &["HT0304"]),
];

#[test]
fn every_hostile_file_has_its_code_and_place() {
    for (what, text, expected) in FILES {
        let (_, report) = parse_text("q.json", text);
        assert_eq!(codes(&report), *expected, "{what}:\n{}", dump(&report));
        assert!(report.diagnostics.iter().all(|found| found.primary().is_some()), "{what}");
    }
}

#[test]
fn deep_nesting_is_refused_before_it_uses_up_the_stack() {
    for open in ["[", "{\"a\":"] {
        let (_, report) = parse_text("q.json", &open.repeat(200_000));
        assert_eq!(codes(&report), ["HT0305"]);
    }
}

fn quotes(text: &str) -> Vec<TestQuote> {
    let (quotes, report) = parse_text("q.json", text);
    assert_eq!(dump(&report), "", "{text}");
    quotes
}

#[test]
fn every_form_haute_has_accepted_is_read() {
    let golden = quotes(
        r#"[{"_why": "young", "input": {"age": 19, "_note": "x", "drivers": [{"_n": 1}]}, "expected": {"premium": 812.5}, "tolerance_pct": 0.01},
            {"input": {"age": 40, "drivers": []}}]"#,
    );
    assert_eq!(golden[0].id, "q.json#0");
    assert_eq!(Value::Object(golden[0].input.clone()), json!({"age": 19, "drivers": [{"_n": 1}]}));
    assert_eq!(golden[0].expected.clone().map(Value::Object), Some(json!({"premium": 812.5})));
    assert!((golden[0].tolerance_pct - 0.01).abs() < f64::EPSILON);
    assert_eq!((golden[1].id.as_str(), golden[1].expected.as_ref()), ("q.json#1", None));

    let plain = quotes(r#"[{"age": 19, "_note": "x"}, {"age": 40}]"#);
    assert_eq!(Value::Object(plain[0].input.clone()), json!({"age": 19}));
    assert_eq!(quotes(r#"{"age": 19}"#).len(), 1);
    assert_eq!(quotes(r#"{"input": {"age": 19}, "expected": {"p": null}}"#).len(), 1);
}

#[test]
fn numbers_are_exactly_what_the_file_says() {
    let row = &quotes(
        r#"[{"a": 1, "b": 1.0, "c": 0.1, "d": 2.2250738585072011e-308, "e": -9007199254740992, "f": 1e3, "g": -0.0, "h": 9007199254740991}]"#,
    )[0];
    let number = |key: &str| row.input[key].clone();
    assert!(number("a").is_i64() && number("b").is_f64() && number("f").is_f64());
    assert_eq!(number("c").as_f64().unwrap().to_bits(), 0.1_f64.to_bits());
    assert_eq!(
        number("d").as_f64().unwrap().to_bits(),
        "2.2250738585072011e-308".parse::<f64>().unwrap().to_bits()
    );
    assert_eq!(number("e").as_i64(), Some(-9_007_199_254_740_992));
    assert!(number("g").as_f64().unwrap().is_sign_negative());
    assert_eq!(number("h").as_i64(), Some(9_007_199_254_740_991));
}

#[test]
fn what_is_said_and_where() {
    let text = "[\n  {\"input\": {\"age\": 19, \"age\": 20}, \"expcted\": {\"premium\": 1}},\n  \
                {\"input\": {\"agee\": NaN}, \"expected\": {\"premium\": 1e999}, \"tolerance_pct\": 5},\n  {\"age\": 3}\n]\n";
    let (_, report) = parse_text("tests/quotes/young.json", text);
    insta::assert_snapshot!(dump(&report), @r#"
    HT0308 error tests/quotes/young.json:2:25 the key `age` is given twice
      help: keep one of the two
    HT0307 error tests/quotes/young.json:2:37 unknown key `expcted` beside `input` in quote 0
      help: did you mean `expected`?
    HT0313 warning tests/quotes/young.json:3:13 the quote lacks `age` and has `agee`, unlike the other quotes
      help: is `agee` meant to be `age`?
    HT0309 error tests/quotes/young.json:3:22 `NaN` is no number of JSON
      help: write `null` for a value that is not known
    HT0309 error tests/quotes/young.json:3:52 the number is out of range: a 64-bit float ends at 1.8e308
      help: write `null` for a value that is not known
    HT0310 error tests/quotes/young.json:3:77 `tolerance_pct` of quote 1 is 5: more than the whole price
      help: it is a fraction, 0.01 is one per cent: did you mean `0.05`?
    HT0312 error tests/quotes/young.json:4:3 rows with `input` and rows without it do not go into one file
      help: wrap the plain rows as `{"input": {…}}`, or move them to a file of their own
    "#);
    assert_eq!(report.counts(), (6, 1));
    let (_, report) = parse_text("q.json", "[{\"a\": 1},\n]");
    insta::assert_snapshot!(dump(&report), @r"
    HT0305 error q.json:2:1 expected a value
      help: remove the comma before it
    ");
    assert_eq!(codes(&report), ["HT0305"]);
}

/// Reads the quotes of a project with these files and this `[test_quotes]`.
fn read(section: &str, files: &[(&str, &[u8])]) -> (Vec<TestQuote>, Report) {
    let toml = format!("[project]\npipeline = \"rating/main.py\"\n[deploy]\ntarget = \"local\"\n{section}");
    let mut all: Vec<(&str, &[u8])> = vec![("haute.toml", toml.as_bytes())];
    all.extend(files);
    let directory = project(&all);
    let loaded = load(&options(&directory)).unwrap();
    let mut report = Report::default();
    let quotes = super::read(&loaded, &mut report);
    (quotes, report)
}

const SECTION: &str = "[test_quotes]\ndir = \"tests/quotes\"\n";

#[test]
fn files_are_read_in_order_of_name_and_not_below() {
    let row = b"[{\"age\": 1}]";
    let (quotes, report) = read(
        SECTION,
        &[
            ("tests/quotes/b.json", row),
            ("tests/quotes/a.json", row),
            ("tests/quotes/c/d.json", row),
            ("tests/quotes/e.txt", b""),
        ],
    );
    assert_eq!(dump(&report), "");
    let ids: Vec<_> = quotes.iter().map(|quote| quote.id.as_str()).collect();
    assert_eq!(ids, ["tests/quotes/a.json#0", "tests/quotes/b.json#0"]);
}

#[test]
fn a_directory_that_is_not_as_it_should_be_is_told() {
    let row: &[u8] = b"[{\"age\": 1}]";
    for (what, section, files, expected) in [
        ("missing", SECTION, vec![("tests/quote/a.json", row)], "HT0301"),
        ("a file", "[test_quotes]\ndir = \"notes\"\n", vec![("notes", row)], "HT0301"),
        ("above", "[test_quotes]\ndir = \"..\"\n", vec![], "HT0302"),
        ("above and missing", "[test_quotes]\ndir = \"../nowhere\"\n", vec![], "HT0302"),
        ("absolute", "[test_quotes]\ndir = \"/\"\n", vec![], "HT0302"),
        ("empty", SECTION, vec![("tests/quotes/readme.md", row)], "HT0303"),
        ("a directory as a file", SECTION, vec![("tests/quotes/a.json/b", row)], "HT0304"),
        ("not UTF-8", SECTION, vec![("tests/quotes/a.json", b"[{\"a\": \"\xe9\"}]")], "HT0304"),
        ("UTF-16", SECTION, vec![("tests/quotes/a.json", b"\xff\xfe[\0")], "HT0304"),
        ("no quotes at all", "", vec![], "HT0315"),
        ("quotes nobody named", "", vec![("tests/quotes/a.json", row)], "HT0315"),
        ("an empty name", "[test_quotes]\ndir = \"\"\n", vec![], "HT0315"),
    ] {
        let (quotes, report) = read(section, &files);
        assert_eq!(codes(&report), [expected], "{what}:\n{}", dump(&report));
        assert_eq!(quotes.len(), 0, "{what}");
    }
    let (_, report) = read(SECTION, &[("tests/quote/a.json", row)]);
    insta::assert_snapshot!(dump(&report), @r"
    HT0301 error haute.toml:6:7 `test_quotes.dir`: there is no directory `tests/quotes`
      help: did you mean `tests/quote`?
    ");
    assert!(dump(&report).contains("did you mean `tests/quote`?"));
}

#[test]
fn the_directory_of_haute_0_1_is_read_where_none_is_set() {
    let (quotes, report) = read("", &[("test_quotes/a.json", b"[{\"age\": 1}]")]);
    assert_eq!((quotes.len(), dump(&report).as_str()), (1, ""));
}

#[cfg(unix)]
#[test]
fn links_out_of_the_project_are_refused() {
    let toml = b"[project]\npipeline = \"rating/main.py\"\n[test_quotes]\ndir = \"quotes\"\n";
    let outside = project(&[("a.json", b"[{\"age\": 1}]")]);
    let directory = project(&[("haute.toml", toml)]);
    let quotes = directory.path().join("quotes");
    let codes_now = || {
        let loaded = load(&options(&directory)).unwrap();
        let mut report = Report::default();
        super::read(&loaded, &mut report);
        codes(&report)
    };
    std::os::unix::fs::symlink(outside.path(), &quotes).unwrap();
    assert_eq!(codes_now(), ["HT0302"]);
    std::fs::remove_file(&quotes).unwrap();
    std::fs::create_dir(&quotes).unwrap();
    std::os::unix::fs::symlink(outside.path().join("a.json"), quotes.join("a.json")).unwrap();
    assert_eq!(codes_now(), ["HT0302"]);
    std::fs::remove_file(quotes.join("a.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", quotes.join("a.json")).unwrap();
    assert_eq!(codes_now(), ["HT0304"]);
}

#[test]
fn every_code_has_a_long_text_with_an_example() {
    for info in super::CODES {
        assert!(info.explain.len() > 150, "{} says too little", info.code);
        assert!(info.explain.contains("\n    "), "{} has no example", info.code);
        let shown = FILES.iter().any(|(_, _, codes)| codes.contains(&info.code.as_str()));
        let folder = ["HT0301", "HT0302", "HT0303", "HT0315"].contains(&info.code.as_str());
        assert!(shown || folder, "{} is in no test", info.code);
    }
}

fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        (-(1_i64 << 53)..(1_i64 << 53)).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_row_is_read_as_serde_json_reads_it(entries in prop::collection::btree_map("[a-z]{6,9}", values(), 1..5)) {
        let row = Value::Object(entries.into_iter().collect());
        let (quotes, report) = parse_text("q.json", &json!([{ "input": row.clone() }]).to_string());
        prop_assert_eq!(dump(&report), "");
        prop_assert_eq!(Value::Object(quotes[0].input.clone()), row);
    }

    #[test]
    fn any_text_gives_a_report(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let (_, report) = parse_text("q.json", &text);
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok() || report.has_errors());
        prop_assert!(labels_fit(&report));
    }

    #[test]
    fn a_damaged_file_gives_a_report(
        at in 0_usize..90,
        length in 0_usize..20,
        insert in prop::sample::select(vec!["", "\"", "[", "]", "{", "}", ",", ":", "\\", "1e999", "NaN", "é", "-", "\u{0}"]),
    ) {
        let good = r#"[{"input": {"age": 19, "x": [1.5, null]}, "expected": {"premium": 8.5}, "tolerance_pct": 0.01}]"#;
        let end = (at + length).min(good.len());
        let (before, after) = (good.get(..at).unwrap(), good.get(end..).unwrap());
        let text = format!("{before}{insert}{after}");
        let (_, report) = parse_text("q.json", &text);
        // What serde_json refuses is never taken for quotes.
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok() || report.has_errors(), "{}", text);
        prop_assert!(labels_fit(&report), "{}", text);
    }
}
